"""The widget of chapter 6: its state, and what it takes."""

import traitlets

from patchwork.explorers.common.photographs import CoarsePhotoExplorer
from patchwork.explorers.graphs.look import GraphLook, k_means_draws
from patchwork.explorers.graphs.still import describe_graph, draw_graph


class GraphExplorer(CoarsePhotoExplorer, module="graphs", look=GraphLook):
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

    >>> import torch
    >>> image, labels = torch.rand(1, 64, 64), torch.tensor([0, 0, 1, 1]).repeat(4)
    >>> explorer = GraphExplorer((image, labels), graph="grid", bandwidth=None)
    >>> explorer.degrees.view(4, 4)[0], explorer.components, explorer.eigenvalues.shape, explorer.patterns.shape
    (tensor([2., 3., 3., 2.], dtype=torch.float64), 1, torch.Size([12]), torch.Size([16, 12]))
    >>> explorer.cluster_labels.shape, explorer.spread.shape, list(explorer.curve)
    (torch.Size([16]), torch.Size([16]), [0, 1, 2, 4, 8, 16, 32, 64, 128, 256])
    >>> explorer  # doctest: +ELLIPSIS
    GraphExplorer(bandwidth=None, clusters=3, feature='spectrum', graph='grid', k=8, patch_size=16, pattern=2, ...)
    """

    fewest_patches = 16  # of which each has 15 others
    settings = (
        *CoarsePhotoExplorer.settings,
        *("feature", "graph", "k", "radius", "bandwidth", "view", "pattern", "clusters", "steps", "selected"),
    )
    fixed = (*CoarsePhotoExplorer.fixed, "draws")

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
        super().__init__(
            **taken,
            draws=k_means_draws().tolist(),
            feature=feature,
            graph=graph,
            k=k,
            radius=radius,
            bandwidth=bandwidth,
            view=view,
            pattern=pattern,
            clusters=clusters,
            steps=steps,
            selected=self._start(taken["photo"]) if selected is None else selected,
        )

    def fit(self, name, value, beside):
        """Return the value of a trait as it is kept; without a bandwidth, all edges weigh the same."""
        return None if name == "bandwidth" and value is None else super().fit(name, value, beside)

    def _look(self):
        return GraphLook(**self._cut())

    def picture(self):
        """Draw the edges over the picture, and beside them what the view shows."""
        return draw_graph(self.look)

    def alt(self):
        """Say in words what ``picture`` shows."""
        return describe_graph(self.look)
