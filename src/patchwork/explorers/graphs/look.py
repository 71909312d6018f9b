"""What a graph of patches tells: edges and weights, slow patterns, clusters, and walks along it."""

from dataclasses import dataclass
from functools import cached_property

import torch
from scipy.sparse import csgraph, csr_array

from patchwork.explorers.common.modules import limits
from patchwork.explorers.similarity.look import FEATURES
from patchwork.graphs import (
    diffuse,
    grid_graph,
    k_means,
    knn_graph,
    normalize_adjacency,
    radius_graph,
    spectral_clustering,
    spectral_embedding,
    weight_edges,
)
from patchwork.patches import patchify
from patchwork.similarity import standardize

LIMITS = limits("graphs")
STEPS = tuple(LIMITS["choices"]["steps"])
PATTERNS, MOST_CLUSTERS = (LIMITS["counts"][name][1] for name in ("pattern", "clusters"))
FINEST = 2**-16  # what standardized features are rounded to: their squared distances are exact then, and so are ties
SETTLED = 9  # decimals: features that differ by less are one


@dataclass(frozen=True, eq=False)
class GraphLook:
    """A picture in gray, cut into patches that a graph ties: pixels (H, W), regions (N,) or None, and the settings."""

    pixels: torch.Tensor
    grid: tuple[int, int]
    regions: torch.Tensor | None
    patch_size: int
    photo: str
    feature: str
    graph: str
    k: int
    radius: float
    bandwidth: float | None
    view: str
    pattern: int
    clusters: int
    steps: int
    selected: int

    @cached_property
    def features(self):
        """What is measured of each patch, standardized, in steps of 2⁻¹⁶: (N, D), float64."""
        measured = FEATURES[self.feature](patchify(self.pixels[None, None], self.patch_size)[0])
        return (standardize(measured.round(decimals=9)) / FINEST).round() * FINEST

    @cached_property
    def edges(self):
        """Who is tied to whom, (N, N) of zeros and ones, symmetric."""
        if self.graph == "grid":
            return grid_graph(self.grid, dtype=torch.float64)
        if self.graph == "nearest":
            return knn_graph(self.features, self.k)
        rows, columns = (torch.arange(length, dtype=torch.float64) for length in self.grid)
        return radius_graph(torch.cartesian_prod(rows, columns), self.radius)

    @cached_property
    def sigma(self):
        """The bandwidth as features are measured: that many median lengths of the edges whose ends differ, or None.

        1 where no ends differ. The median of an even number of lengths is the smaller of the middle two.
        """
        if self.bandwidth is None:
            return None
        lengths = self._lengths(self.features)
        lengths = lengths[lengths > 0]
        return self.bandwidth * lengths.median().item() if len(lengths) else 1.0

    @cached_property
    def adjacency(self):
        """The weights of the edges, (N, N)."""
        if self.sigma is None:
            return self.edges
        return weight_edges(self.edges, self.features, bandwidth=self.sigma)

    @cached_property
    def degrees(self):
        """The sum of the weights of each patch's edges, (N,)."""
        return self.adjacency.sum(1)

    @cached_property
    def components(self):
        """How many parts of the graph have no edge between them."""
        return int(csgraph.connected_components(csr_array(self.adjacency.numpy()), directed=False)[0])

    @cached_property
    def eigenvalues(self):
        """The twelve smallest of the symmetric normalized Laplacian, ascending."""
        return self._spectrum[0]

    @cached_property
    def patterns(self):
        """What belongs to them, D^-½ U: (N, 12)."""
        return self._spectrum[1] / torch.where(self.degrees > 0, self.degrees, 1).sqrt().unsqueeze(1)

    @cached_property
    def cluster_labels(self):
        """The cluster of each patch by ``spectral_clustering``, (N,), numbered in the order in which they appear."""
        return in_order(spectral_clustering(self.adjacency, self.clusters, generator=fixed_generator()))

    @cached_property
    def score(self):
        """The adjusted Rand index of the clusters and the regions: 1 for the same parts, 0 by chance; None without."""
        return None if self.regions is None else _rand_index(self.regions, self.cluster_labels)

    @cached_property
    def walk(self):
        """D̃⁻¹(A + I): where a walker goes from each patch in one step, (N, N), rows sum to 1."""
        return normalize_adjacency(self.adjacency, mode="row")

    @cached_property
    def spread(self):
        """Where a walk from the patch that is looked at is after the steps, (N,), sum 1."""
        start = torch.zeros(len(self.walk), 1, dtype=torch.float64)
        start[self.selected] = 1
        return diffuse(start, self.walk.T, self.steps).flatten()

    @cached_property
    def diffused(self):
        """What of the features is left after the steps: each patch has the mean of where its walk is, (N, D)."""
        return diffuse(self.features, self.walk, self.steps).round(decimals=SETTLED)

    @cached_property
    def curve(self):
        """What diffusion does, by the number of steps.

        With regions: the adjusted Rand index of the k-means clusters of the diffused features. Without: the mean length
        of the edges, compared with that before the first step; NaN where all patches are alike from the start.
        """
        x, taken, curve = self.features, 0, {}
        for steps in STEPS:
            x, taken = diffuse(x, self.walk, steps - taken), steps
            curve[steps] = self._left(x.round(decimals=SETTLED))
        return curve

    def _left(self, diffused):
        if self.regions is not None:
            return _rand_index(self.regions, k_means(diffused, self.clusters, generator=fixed_generator())[0])
        return (self._lengths(diffused).mean() / self._lengths(self.features).mean()).item()

    def _lengths(self, features):
        """Return the distances of the ends of all edges, each once."""
        first, second = self.edges.triu().nonzero().T
        return (features[first] - features[second]).square().sum(1).sqrt()

    @cached_property
    def _spectrum(self):
        return spectral_embedding(self.adjacency, PATTERNS)


def in_order(labels):
    """Return labels numbered in the order in which they appear.

    >>> in_order(torch.tensor([2, 2, 0, 1]))
    tensor([0, 0, 1, 2])
    """
    _, places = labels.unique(return_inverse=True)
    first = torch.full((int(places.max()) + 1,), len(labels)).scatter_reduce(
        0, places, torch.arange(len(labels)), "amin"
    )
    return first.argsort().argsort()[places]


def fixed_generator():
    """Return the generator with which k-means starts, the same each time."""
    return torch.Generator().manual_seed(0)


def k_means_draws():
    """Return what ``k_means`` draws from it for the most clusters; for fewer it draws the first of them."""
    return torch.rand(10 * MOST_CLUSTERS, generator=fixed_generator(), dtype=torch.float64)


def _rand_index(one, other):
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(one.numpy(), other.numpy()))
