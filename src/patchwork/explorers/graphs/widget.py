"""Chapter 6's explorer: patches tied into a graph; its edges, slow patterns, clusters, and walks along it."""

import torch
import traitlets
from scipy.sparse import csgraph, csr_array

from patchwork import _checks
from patchwork.explorers.common.photographs import CoarsePhotoExplorer
from patchwork.explorers.graphs.still import draw_graph
from patchwork.explorers.similarity.widget import FEATURES
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

CHOICES = {
    "feature": tuple(FEATURES),
    "graph": ("nearest", "grid", "radius"),
    "view": ("degrees", "pattern", "clusters", "diffusion"),
}
COUNTS = {"k": (1, 15), "pattern": (1, 12), "clusters": (2, 8)}
RANGES = {"radius": (1, 4), "bandwidth": (0.25, 4)}
STEPS = (0, *(2**power for power in range(9)))
FEWEST_PATCHES = 16  # of which each has 15 others
FINEST = 2**-16  # what standardized features are rounded to: their squared distances are exact then, and so are ties
SETTLED = 9  # decimals: features that differ by less are one


class GraphExplorer(CoarsePhotoExplorer, module="graphs"):
    """Patches as the nodes of a graph: its edges over the picture, its slow patterns, its clusters, walks along it.

    ``images`` is a tensor (1 or 3, H, W) in [0, 1], a pair of one and its labels (N,), as ``texture_mosaic`` returns,
    or a dict of such by name, all of one size; they are shown in gray. ``graph`` ties each patch to the ``k`` most
    like it ("nearest", by the standardized ``feature``), to the four that touch it ("grid"), or to all at most
    ``radius`` patches away ("radius"). Edges weigh exp(−d²/2σ²), d the distance of the features and σ ``bandwidth``
    times the median length of the edges; without a bandwidth all weigh 1. ``view`` shows the "degrees", the
    ``pattern`` of that number (the first is constant), the spectral "clusters", or the "diffusion" of a walk from the
    patch ``selected`` after ``steps``, one of 0, 1, 2, 4, …, 256. Without ``selected`` it is the patch deepest inside
    a region. Every setting can be changed later and linked to other widgets; one that does not fit raises
    ``traitlets.TraitError``. Raises ValueError for images and labels of other shapes, settings that do not fit, and a
    state too large for a page.

    Used in chapter 6.

    >>> image, labels = torch.rand(1, 64, 64), torch.tensor([0, 0, 1, 1]).repeat(4)
    >>> explorer = GraphExplorer((image, labels), graph="grid", bandwidth=None)
    >>> explorer.degrees.view(4, 4)[0], explorer.components, explorer.eigenvalues.shape, explorer.patterns.shape
    (tensor([2., 3., 3., 2.], dtype=torch.float64), 1, torch.Size([12]), torch.Size([16, 12]))
    >>> explorer.found.shape, explorer.spread.shape, list(explorer.curve)
    (torch.Size([16]), torch.Size([16]), [0, 1, 2, 4, 8, 16, 32, 64, 128, 256])
    >>> explorer  # doctest: +ELLIPSIS
    GraphExplorer(bandwidth=None, clusters=3, feature='spectrum', graph='grid', k=8, patch_size=16, pattern=2, ...)
    """

    fewest_patches = FEWEST_PATCHES

    draws = traitlets.List(help="with which the page's k-means starts as the library's").tag(sync=True, bulky=True)
    feature = traitlets.Unicode(help="what is measured of a patch").tag(sync=True)
    graph = traitlets.Unicode(help="who is tied to whom").tag(sync=True)
    k = traitlets.Int(help="neighbors that each patch chooses").tag(sync=True)
    radius = traitlets.Float(help="in patches").tag(sync=True)
    bandwidth = traitlets.Float(None, allow_none=True, help="in median lengths of an edge").tag(sync=True)
    view = traitlets.Unicode(help="what is shown of the graph").tag(sync=True)
    pattern = traitlets.Int(help="which pattern, from 1").tag(sync=True)
    clusters = traitlets.Int(help="how many").tag(sync=True)
    steps = traitlets.Int(help="of the diffusion").tag(sync=True)
    selected = traitlets.Int(help="the patch that is looked at").tag(sync=True)
    hovered = traitlets.Int(None, allow_none=True, help="the patch under the pointer").tag(sync=True, transient=True)

    def __init__(
        self,
        images,
        *,
        photo=None,
        patch_size=16,
        feature="spectrum",
        graph="radius",
        k=8,
        radius=3.0,
        bandwidth=0.5,
        view="clusters",
        pattern=2,
        clusters=3,
        steps=4,
        selected=None,
    ):
        """Encode the images and check their labels and the settings."""
        taken = self._take_cut(images, photo, patch_size)
        first = self._start(taken["photo"]) if selected is None else selected
        settings = {"feature": feature, "graph": graph, "k": k, "radius": radius, "bandwidth": bandwidth, "view": view}
        settings |= {"pattern": pattern, "clusters": clusters, "steps": steps, "selected": first}
        settings = {name: self._fitting(name, value) for name, value in settings.items()}
        super().__init__(draws=_draws(COUNTS["clusters"][1]).tolist(), **taken, **settings)
        self.state()

    @property
    def features(self):
        """What is measured of each patch, standardized, in steps of 2⁻¹⁶: (N, D), float64."""
        measured = FEATURES[self.feature](patchify(self.pixels[None, None], self.patch_size)[0])
        return (standardize(measured.round(decimals=9)) / FINEST).round() * FINEST

    @property
    def edges(self):
        """Who is tied to whom, (N, N) of zeros and ones, symmetric."""
        if self.graph == "grid":
            return grid_graph(self.grid, dtype=torch.float64)
        if self.graph == "nearest":
            return knn_graph(self.features, self.k)
        rows, columns = (torch.arange(length, dtype=torch.float64) for length in self.grid)
        return radius_graph(torch.cartesian_prod(rows, columns), self.radius)

    @property
    def sigma(self):
        """The bandwidth as features are measured: that many median lengths of the edges whose ends differ, or None.

        1 where no ends differ. The median of an even number of lengths is the smaller of the middle two.
        """
        if self.bandwidth is None:
            return None
        lengths = self._lengths(self.features)
        lengths = lengths[lengths > 0]
        return self.bandwidth * lengths.median().item() if len(lengths) else 1.0

    @property
    def adjacency(self):
        """The weights of the edges, (N, N)."""
        sigma = self.sigma
        return self.edges if sigma is None else weight_edges(self.edges, self.features, bandwidth=sigma)

    @property
    def degrees(self):
        """The sum of the weights of each patch's edges, (N,)."""
        return self.adjacency.sum(1)

    @property
    def components(self):
        """How many parts of the graph have no edge between them."""
        return int(csgraph.connected_components(csr_array(self.adjacency.numpy()), directed=False)[0])

    @property
    def eigenvalues(self):
        """The twelve smallest of the symmetric normalized Laplacian, ascending."""
        return self._spectrum()[0]

    @property
    def patterns(self):
        """What belongs to them, D^-½ U: (N, 12)."""
        degrees = self.degrees
        return self._spectrum()[1] / torch.where(degrees > 0, degrees, 1).sqrt().unsqueeze(1)

    @property
    def found(self):
        """The cluster of each patch by ``spectral_clustering``, (N,), numbered in the order in which they appear."""
        return in_order(spectral_clustering(self.adjacency, self.clusters, generator=_fixed()))

    @property
    def score(self):
        """The adjusted Rand index of ``found`` and the regions: 1 for the same parts, 0 by chance; None without."""
        return None if self.regions is None else _rand_index(self.regions, self.found)

    @property
    def walk(self):
        """D̃⁻¹(A + I): where a walker goes from each patch in one step, (N, N), rows sum to 1."""
        return normalize_adjacency(self.adjacency, mode="row")

    @property
    def spread(self):
        """Where a walk from the patch that is looked at is after the steps, (N,), sum 1."""
        walk = self.walk
        start = torch.zeros(len(walk), 1, dtype=torch.float64)
        start[self.selected] = 1
        return diffuse(start, walk.T, self.steps).flatten()

    @property
    def diffused(self):
        """What of the features is left after the steps: each patch has the mean of where its walk is, (N, D)."""
        return diffuse(self.features, self.walk, self.steps).round(decimals=SETTLED)

    @property
    def curve(self):
        """What diffusion does, by the number of steps.

        With regions: the adjusted Rand index of the k-means clusters of the diffused features. Without: the mean length
        of the edges, compared with that before the first step; NaN where all patches are alike from the start.
        """
        walk, x, at, found = self.walk, self.features, 0, {}
        for steps in STEPS:
            x, at = diffuse(x, walk, steps - at), steps
            found[steps] = self._left(x.round(decimals=SETTLED))
        return found

    def _left(self, diffused):
        if self.regions is not None:
            return _rand_index(self.regions, k_means(diffused, self.clusters, generator=_fixed())[0])
        return (self._lengths(diffused).mean() / self._lengths(self.features).mean()).item()

    def _lengths(self, features):
        """Return the distances of the ends of all edges, each once."""
        first, second = self.edges.triu().nonzero().T
        return (features[first] - features[second]).square().sum(1).sqrt()

    def _spectrum(self):
        return spectral_embedding(self.adjacency, COUNTS["pattern"][1])

    def picture(self):
        """Draw the edges over the picture, and beside them what the view shows."""
        view = self.view, self._numbers()
        return draw_graph(self.pixels, self.grid, self.selected, self.adjacency, view, self.regions, self._findings())

    def _numbers(self):
        """Return what the view shows, one number for each patch."""
        if self.view == "pattern":
            return self.patterns[:, self.pattern - 1]
        return getattr(self, {"degrees": "degrees", "clusters": "found", "diffusion": "spread"}[self.view])

    def alt(self):
        """Say in words what ``picture`` shows."""
        return (
            f"The picture “{self.photo}”, cut into {self.grid[0]} × {self.grid[1]} patches, with the edges of a graph "
            f"over it: each patch is tied to {self._tied()}. Beside it the {self._shown()}. "
            f"{'. '.join(self._findings())}."
        )

    def _tied(self):
        if self.graph == "nearest":
            return f"the {self.k} most like it by {self.feature}"
        return "the four that touch it" if self.graph == "grid" else f"all at most {self.radius:g} patches away"

    def _shown(self):
        return {
            "degrees": "degree of each patch",
            "pattern": f"pattern number {self.pattern} of the graph",
            "clusters": f"{self.clusters} clusters of the graph",
            "diffusion": f"spread of a walk from patch {self.selected} after {self.steps} steps",
        }[self.view]

    def _findings(self):
        edges, parts = int(self.edges.sum()) // 2, self.components
        lines = [f"{len(self.edges)} patches, {edges} edges, {parts} component{'' if parts == 1 else 's'}"]
        if self.view == "clusters" and self.regions is not None:
            lines.append(f"Adjusted Rand index {self.score:.2f} against the regions")
        elif self.view == "pattern":
            lines.append(f"Eigenvalue {self.eigenvalues[self.pattern - 1]:.4f}")
        return lines

    def _fitting(self, name, value):
        """Return a setting as it is kept. Raises ValueError where it does not fit."""
        if name in CHOICES:
            return _among(name, value, CHOICES[name])
        if name == "steps":
            return _among(name, _checks.count(name, value, at_least=0), STEPS)
        if name == "bandwidth" and value is None:
            return None
        ends = {**COUNTS, **RANGES, "selected": (0, self._grid[0] * self._grid[1] - 1)}
        value = _checks.number(name, value) if name in RANGES else _checks.count(name, value, at_least=None)
        least, most = ends[name]
        if not least <= value <= most:
            raise ValueError(f"{name} must lie in {least} … {most}, got {value:g}")
        return value

    @traitlets.validate(*CHOICES, *COUNTS, *RANGES, "steps", "selected")
    def _suits(self, proposal):
        try:
            return self._fitting(proposal.trait.name, proposal.value)
        except ValueError as error:
            raise traitlets.TraitError(str(error)) from None

    @traitlets.validate("draws")
    def _are_fixed(self, proposal):
        if self.draws not in ([], proposal.value):
            raise traitlets.TraitError("draws must stay as they are")
        return proposal.value


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


def _among(name, value, choices):
    if value not in choices:
        raise ValueError(f"{name} must be one of {list(choices)}, got {value!r}")
    return value


def _fixed():
    return torch.Generator().manual_seed(0)


def _draws(clusters):
    """Return what ``k_means`` draws from that generator for so many clusters; for fewer it draws the first of them."""
    return torch.rand(10 * clusters, generator=_fixed(), dtype=torch.float64)


def _rand_index(one, other):
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(one.numpy(), other.numpy()))
