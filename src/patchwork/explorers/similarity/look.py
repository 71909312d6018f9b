"""How alike patches are: what is measured of them, and how two compare."""

from patchwork.similarity import (
    correlation,
    cosine_similarity,
    gradient_energy,
    mean_color,
    patch_spectrum,
    squared_distances,
)

FEATURES = {
    "pixels": lambda patches: patches,
    "mean color": mean_color,
    "gradient energy": gradient_energy,
    "spectrum": patch_spectrum,
}
METRICS = {
    "euclidean": lambda features: -squared_distances(features).sqrt(),
    "cosine": cosine_similarity,
    "correlation": correlation,
}
