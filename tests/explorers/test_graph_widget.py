"""The graph explorer in Python: who is tied to whom, and what follows."""

import json
import re

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score

from patchwork import graphs
from patchwork.explorers.common import widget as base
from patchwork.explorers.graphs import GraphExplorer
from patchwork.explorers.graphs.look import STEPS as DIFFUSION_STEPS
from patchwork.explorers.graphs.look import in_order
from patchwork.explorers.similarity.look import FEATURES
from patchwork.images import texture_mosaic
from patchwork.patches import patchify
from patchwork.similarity import (
    standardize,
)


@pytest.fixture(params=["nearest", "grid", "radius"])
def tied(tying, request, rng):
    """An explorer with settings drawn at random, of each kind of graph."""
    names = {"feature": list(FEATURES), "photo": ["mosaic", "coffee"], "k": range(1, 16), "radius": [1, 1.5, 3, 4]}
    for name, choices in names.items():
        setattr(tying, name, rng.choice(choices))
    tying.graph, tying.bandwidth = request.param, rng.choice([0.5, 1.0, 3.0, None])
    tying.selected, tying.steps, tying.clusters = rng.randrange(256), rng.choice([0, 1, 4, 32]), rng.randint(2, 8)
    return tying


def test_the_graph_is_the_librarys(tied):
    measured = FEATURES[tied.feature](patchify(tied.pixels[None, None], 16)[0])
    torch.testing.assert_close(tied.features, standardize(measured), atol=1e-4, rtol=0)
    assert torch.equal(tied.features * 2**16, (tied.features * 2**16).round())
    places = torch.cartesian_prod(torch.arange(16.0), torch.arange(16.0)).double()
    apart = (places[:, None] - places).norm(dim=-1)
    expected = {
        "nearest": lambda: graphs.knn_graph(tied.features, tied.k),
        "grid": lambda: graphs.grid_graph((16, 16), dtype=torch.float64),
        "radius": lambda: ((apart > 0) & (apart < tied.radius + 1e-9)).double(),
    }[tied.graph]()
    assert torch.equal(tied.edges, expected)
    first, second = expected.nonzero().T
    lengths = (tied.features[first] - tied.features[second]).norm(dim=1)
    if tied.bandwidth is None:
        assert tied.sigma is None
        assert torch.equal(tied.adjacency, expected)
        return
    assert tied.sigma == pytest.approx(tied.bandwidth * lengths[lengths > 0].median().item())
    weights = (-(lengths**2) / (2 * tied.sigma**2)).exp()
    torch.testing.assert_close(tied.adjacency[first, second], weights)
    torch.testing.assert_close(tied.degrees, torch.zeros(256).double().index_add(0, first, weights))


def test_what_follows_from_the_graph_is_the_librarys(tied):
    values, vectors = graphs.spectral_embedding(tied.adjacency, 12)
    assert torch.equal(tied.eigenvalues, values)
    torch.testing.assert_close(tied.patterns * tied.degrees.where(tied.degrees > 0, 1).sqrt()[:, None], vectors)
    reached = torch.eye(256).logical_or(tied.adjacency > 0).double()
    for _ in range(8):
        reached = (reached @ reached > 0).double()
    assert tied.components == len(reached.unique(dim=0))
    labels = graphs.spectral_clustering(tied.adjacency, tied.clusters, generator=torch.Generator().manual_seed(0))
    assert torch.equal(tied.cluster_labels, in_order(labels))
    walk = graphs.normalize_adjacency(tied.adjacency, mode="row")
    torch.testing.assert_close(tied.spread, walk.matrix_power(tied.steps)[tied.selected])
    torch.testing.assert_close(tied.diffused, walk.matrix_power(tied.steps) @ tied.features, atol=1e-8, rtol=0)
    if tied.regions is None:
        assert tied.score is None
    else:
        assert tied.score == adjusted_rand_score(tied.regions, labels)


@pytest.mark.parametrize("photo", ["mosaic", "coffee"])
def test_the_curve_is_what_diffusion_leaves(tying, photo, mosaic):
    tying.photo, tying.graph, tying.bandwidth = photo, "grid", 1.0
    curve = tying.curve
    assert tuple(curve) == DIFFUSION_STEPS
    first, second = tying.edges.nonzero().T
    for tying.steps in (0, 2, 64):
        x = tying.diffused
        if photo == "mosaic":
            found = graphs.k_means(x, 3, generator=torch.Generator().manual_seed(0))[0]
            assert curve[tying.steps] == pytest.approx(adjusted_rand_score(mosaic[1], found))
        else:
            left = [(each[first] - each[second]).norm(dim=1).mean() for each in (x, tying.features)]
            assert curve[tying.steps] == pytest.approx((left[0] / left[1]).item())
    assert photo == "coffee" or max(curve.values()) > curve[0] + 0.2 > curve[256] + 0.2


def test_the_pages_draws_are_those_of_k_means(tying):
    for clusters in range(2, 9):
        drawn = torch.rand(10, clusters, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        assert tying.draws[: 10 * clusters] == drawn.flatten().tolist()


def test_labels_in_the_order_in_which_they_appear(rng):
    labels = torch.randint(5, (rng.randint(1, 30),)) * 3 - 4
    names = list(dict.fromkeys(labels.tolist()))
    assert in_order(labels).tolist() == [names.index(label) for label in labels.tolist()]


def test_gray_is_coarser_where_the_page_would_be_too_large(mosaic):
    others = {str(seed): texture_mosaic(generator=torch.Generator().manual_seed(seed)) for seed in (1, 2, 3)}
    explorer = GraphExplorer({"mosaic": mosaic, **others})
    assert len(json.dumps(explorer.state())) <= base.STATE_LIMIT
    levels = explorer._levels
    assert len(explorer.pixels.unique()) <= levels < 256
    assert (explorer.pixels - mosaic[0][0]).abs().max() <= 0.5 / (levels - 1) + 1 / 255
    assert torch.equal(GraphExplorer({"mosaic": mosaic}).pixels, (mosaic[0][0].double() * 255).round() / 255)


def test_a_picture_without_differences_has_a_graph(tying):
    flat = GraphExplorer(torch.full((1, 64, 64), 0.4))
    assert flat.sigma == 1
    assert torch.equal(flat.adjacency, flat.edges)
    assert all(np.isnan(left) for left in flat.curve.values())
    flat.graph = "nearest"
    assert flat.components == 1
    assert flat.picture().size[0] == 740


@pytest.mark.parametrize("view", ["degrees", "pattern", "clusters", "diffusion"])
@pytest.mark.parametrize("photo", ["mosaic", "coffee"])
def test_each_view_is_drawn_and_described(little, view, photo):
    tying = GraphExplorer(little, photo=photo, view=view, graph="nearest")
    told = {"degrees": "degree of each", "pattern": "Eigenvalue 0.0", "clusters": "3 clusters", "diffusion": "4 steps"}
    assert told[view] in tying.alt()
    assert "the 8 most like it by spectrum" in tying.alt()
    assert ("Rand" in tying.alt()) == (view == "clusters" and photo == "mosaic")
    assert tying.picture().size[0] == 740


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.rand(3, 48, 48), "16 patches at least and 256 patches at most"),
        (torch.rand(3, 512, 512), "and 256 patches at most"),
        ((torch.rand(1, 64, 64), torch.zeros(3).long()), "the labels of 'photo' must have shape (16,), got (3,)"),
        ({}, "not among the images"),
    ],
)
def test_what_a_graph_can_not_show_is_named(images, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        GraphExplorer(images)


def test_graphs_settings_are_kept_as_they_are_given(tying):
    given = {"k": np.int64(4), "radius": np.float32(2.5), "bandwidth": 2, "steps": np.int32(8), "selected": 7}
    explorer = GraphExplorer(tying._given, **given)
    assert all(getattr(explorer, name) == value for name, value in given.items())
    assert type(explorer.radius) is type(explorer.bandwidth) is float
    explorer.set_state({"bandwidth": None, "graph": "grid", "view": "diffusion"})
    assert explorer.sigma is None
    assert "bandwidth=None" in repr(explorer)
