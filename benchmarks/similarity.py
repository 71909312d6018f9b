"""Chapter 5: distances, angles and nearest neighbors beside torch's, scikit-learn's and faiss's."""

import faiss
import numpy as np
import threadpoolctl
import torch
import torch.nn.functional as F
from sklearn.metrics import pairwise
from sklearn.neighbors import NearestNeighbors

from benchmarks.measure import compare, growth
from patchwork.images import load_image
from patchwork.patches import extract_patches
from patchwork.similarity import (
    correlation,
    cosine_similarity,
    gaussian_affinity,
    nearest_neighbors,
    neighbor_similarity,
    squared_distances,
    structural_similarity,
)

SIZE, DIM, SIDE, NEIGHBORS = 16, 768, 64, 10
GROWING = 768, 1536, 3072, 6144


def comparisons(device):
    """Return a row per function, size and peer."""
    faiss.omp_set_num_threads(1)
    with threadpoolctl.threadpool_limits(1):
        rows = [row for number in (1024, 4096) for row in _distances(number, device)]
        rows += _cosines(device) + _affinities(device) + _neighbors_on_the_grid(device) + _ssim(device)
        for patches, name in (
            (_random(4096, device), "4096 random"),
            (_overlapping("astronaut", device), "4096 of a photograph"),
            (_random(16384, device), "16384 random"),
        ):
            rows += _nearest(patches, name, device)
    return rows


def growths(device):
    """Return how time and memory grow with the number of patches: all distances, and the nearest alone."""
    patches = {number: _random(number, device) for number in GROWING}
    cases = {number: lambda x=x: nearest_neighbors(x, x, NEIGHBORS) for number, x in patches.items()}
    pairs = {number: lambda x=x: squared_distances(x) for number, x in patches.items()}
    return [
        growth("squared_distances, D 768", "N", pairs, device),
        growth("nearest_neighbors, k 10, D 768", "N", cases, device),
    ]


def _random(number, device):
    return torch.rand(number, DIM, device=device)


def _overlapping(name, device):
    """Cut 64 × 64 patches of 16 pixels, 6 apart."""
    image = load_image(name, size=SIZE + 6 * (SIDE - 1), device=device)
    return extract_patches(image[None], SIZE, stride=6)[0]


def _array(patches):
    return np.ascontiguousarray(patches.cpu().numpy())


def _distances(number, device):
    # torch.cdist multiplies in float32: on these patches it is wrong by more than the smallest distances are large.
    patches = _overlapping("chelsea", device)[:number]
    array = _array(patches)
    peers = {
        "torch.cdist": (lambda: torch.cdist(patches, patches), 2.6),
        "scikit-learn": (lambda: pairwise.euclidean_distances(array, squared=True), None),
        "torch.cdist in float64": (lambda: torch.cdist(patches.double(), patches.double()), None),
    }
    return compare("squared_distances", f"{number} × {DIM}", lambda: squared_distances(patches), peers, device)


def _cosines(device):
    patches = _random(4096, device)
    array, size = _array(patches), f"4096 × {DIM}"
    peers = {"scikit-learn": (lambda: pairwise.cosine_similarity(array), 0.95)}
    rows = compare("cosine_similarity", size, lambda: cosine_similarity(patches), peers, device)
    peers = {"numpy.corrcoef": (lambda: np.corrcoef(array), None)}
    return rows + compare("correlation", size, lambda: correlation(patches), peers, device)


def _affinities(device):
    patches = _random(4096, device)
    array = _array(patches)
    peers = {"scikit-learn": (lambda: pairwise.rbf_kernel(array, gamma=1 / 18), None)}
    return compare(
        "gaussian_affinity", f"4096 × {DIM}", lambda: gaussian_affinity(patches, bandwidth=3.0), peers, device
    )


def _edges(device):
    """Return the two ends of each edge of the grid."""
    index = torch.arange(SIDE**2, device=device).view(SIDE, SIDE)
    ends = (index[:, :-1], index[:-1]), (index[:, 1:], index[1:])
    return [torch.cat([part.flatten() for part in end]) for end in ends]


def _neighbors_on_the_grid(device):
    patches = _random(SIDE**2, device)
    first, second = _edges(device)

    def gathered(prepare, measure):
        return lambda: measure(prepare(patches[first]), prepare(patches[second]))

    def centered(x):
        return x - x.mean(1, keepdim=True)

    peers = {
        "euclidean": {
            "gathering edges": (gathered(lambda x: x, lambda a, b: (a - b).norm(dim=1)), 0.3),
            "all pairs, torch.cdist": (lambda: torch.cdist(patches, patches), 0.02),
        },
        "cosine": {
            "gathering edges": (gathered(lambda x: x, F.cosine_similarity), 0.3),
            "all pairs, ours": (lambda: cosine_similarity(patches), 0.02),
        },
        "correlation": {
            "gathering edges": (gathered(centered, F.cosine_similarity), 0.3),
            "all pairs, ours": (lambda: correlation(patches), None),
        },
    }
    return [
        row
        for metric, of_metric in peers.items()
        for row in compare(
            f"neighbor_similarity, {metric}",
            f"{SIDE}² × {DIM}",
            lambda metric=metric: neighbor_similarity(patches, (SIDE, SIDE), metric),
            of_metric,
            device,
        )
    ]


def _ssim(device):
    from skimage import metrics

    image = load_image("coffee", size=256, device=device)
    other = (image + 0.1 * torch.rand(image.shape, device=device)).clamp(0, 1)
    arrays = [_array(part) for part in (image, other)]
    given = {"channel_axis": 0, "data_range": 1.0}
    peers = {"scikit-image": (lambda: metrics.structural_similarity(*arrays, **given), None)}
    return compare("structural_similarity", "3 × 256²", lambda: structural_similarity(image, other), peers, device)


def _nearest(patches, name, device):
    # Peak memory is that of torch's allocator, so peers that allocate by themselves show none.
    array = _array(patches)

    def by_faiss():
        index = faiss.IndexFlatL2(DIM)
        index.add(array)
        return index.search(array, NEIGHBORS)

    def by_scikit_learn():
        return NearestNeighbors(n_neighbors=NEIGHBORS, algorithm="brute").fit(array).kneighbors(array)

    def by_all_pairs():
        return torch.cdist(patches, patches).topk(NEIGHBORS, largest=False)

    random = "random" in name
    peers = {
        "scikit-learn": (by_scikit_learn, 0.6 if random else None),
        "faiss": (by_faiss, 1.2 if random else None),
    }
    if len(patches) <= 4096:
        peers["torch.cdist and topk"] = (by_all_pairs, None)
    size = f"{name} × {DIM}, k {NEIGHBORS}"
    return compare("nearest_neighbors", size, lambda: nearest_neighbors(patches, patches, NEIGHBORS), peers, device)
