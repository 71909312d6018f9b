"""What holds for every public function of the numerics: devices, dtypes, docstrings, imports.

A new module's functions need one line each in ``CASES``; ``test_every_public_name_has_a_case`` asks for it.
"""

import importlib
import inspect
import math
import pkgutil
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from torch._subclasses import FakeTensorMode

import patchwork
from patchwork import (
    attention,
    convolution,
    devices,
    graphs,
    images,
    measured,
    patches,
    relations,
    similarity,
    synthesis,
    training,
    windows,
)

NOT_NUMERICS = {"explorers", "figures", "exercises", "pretrained"}
NUMERICS = sorted(
    module.name
    for module in pkgutil.iter_modules(patchwork.__path__)
    if module.name not in NOT_NUMERICS and not module.name.startswith("_")
)


def _train(new, model):
    batches = training.minibatches(new(5, 3), size=2, generator=torch.Generator())
    return training.train(model, lambda x: (model(x) - x).square().mean(), batches, steps=2, clip=1.0)


def _fit(new):
    generator = torch.Generator().manual_seed(0)
    return synthesis.fit(synthesis.trained("knn", **new.place), new(2, 3, 16), steps=2, size=2, generator=generator)


def _accuracy_by_distance(new):
    model = synthesis.trained("convolution", question="left", **new.place)
    scenes = synthesis.marked_textures(new(2, 3, 16), 2, question="left", generator=torch.Generator())
    return synthesis.accuracy_by_distance(model, scenes)


# One call per public name. ``new(…)`` makes a floating tensor on the device, ``new.labels(n)`` labels of two regions,
# ``new.ring(n)`` a graph;
# ``**new.place`` is the device and dtype of what has no tensor argument.
CASES = {
    images.load_image: lambda new: images.load_image("coffee", size=16, **new.place),
    images.texture_mosaic: lambda new: images.texture_mosaic(grid=(4, 4), generator=torch.Generator(), **new.place),
    images.stereo_pair: lambda new: images.stereo_pair(**new.place),
    images.digits: lambda new: images.digits(**new.place),
    patches.patchify: lambda new: patches.patchify(new(2, 3, 8, 12), 4),
    patches.unpatchify: lambda new: patches.unpatchify(new(2, 6, 48), (2, 3), channels=3),
    patches.extract_patches: lambda new: patches.extract_patches(new(2, 3, 9, 9), 3, stride=2),
    patches.merge_patches: lambda new: patches.merge_patches(new(2, 16, 27), (9, 9), 3, stride=2),
    patches.patch_centers: lambda new: patches.patch_centers((2, 3), **new.place),
    patches.sincos_position_embedding: lambda new: patches.sincos_position_embedding((2, 3), 8, **new.place),
    patches.PatchEmbedding: lambda new: patches.PatchEmbedding(3, 4, 5, **new.place)(new(2, 3, 8, 12)),
    attention.attention_weights: lambda new: attention.attention_weights(new(2, 4, 3), new(5, 3), mask=new(5)),
    attention.attention: lambda new: attention.attention(new(2, 4, 3), new(5, 3), new(5, 6), mask=new(5) > 0.5),
    attention.chunked_attention: lambda new: attention.chunked_attention(
        new(2, 4, 3), new(5, 3), new(5, 6), chunk_size=3
    ),
    attention.MultiHeadSelfAttention: lambda new: attention.MultiHeadSelfAttention(6, 2, **new.place)(
        new(2, 5, 6), return_weights=True
    ),
    attention.TransformerBlock: lambda new: attention.TransformerBlock(6, 2, **new.place)(new(2, 5, 6)),
    attention.VisionTransformer: lambda new: attention.VisionTransformer(
        3, (2, 3), 4, 6, depth=2, heads=2, classes=5, **new.place
    )(new(2, 3, 8, 12)),
    attention.attention_rollout: lambda new: attention.attention_rollout([new(2, 3, 5, 5) / 5] * 2, query=1),
    relations.aggregate: lambda new: relations.aggregate(new(2, 4, 5), new(5, 3), new(2, 3, 6)),
    relations.is_row_stochastic: lambda new: relations.is_row_stochastic(new(4, 5)),
    relations.is_symmetric: lambda new: relations.is_symmetric(new(5, 5)),
    relations.density: lambda new: relations.density(new(5, 5)),
    relations.same_region_auc: lambda new: relations.same_region_auc(new(6, 6), new.labels(6)),
    relations.mean_average_precision: lambda new: relations.mean_average_precision(new(6, 6), new.labels(6)),
    relations.attention_distance: lambda new: relations.attention_distance(new(6, 6).softmax(1), (2, 3)),
    relations.mean_by_offset: lambda new: relations.mean_by_offset(new(6, 6), (2, 3)),
    relations.offset_share: lambda new: relations.offset_share(new(6, 6), (2, 3)),
    relations.region_mass: lambda new: relations.region_mass(new(6, 6), new.labels(6)),
    windows.window_partition: lambda new: windows.window_partition(new(2, 4, 6, 3), 2),
    windows.window_merge: lambda new: windows.window_merge(new(12, 2, 2, 3), (4, 6)),
    windows.cyclic_shift: lambda new: windows.cyclic_shift(new(2, 4, 6, 3), 1),
    windows.shifted_window_mask: lambda new: windows.shifted_window_mask((4, 6), 2, 1, device=new.place["device"]),
    windows.relative_position_index: lambda new: windows.relative_position_index(3, device=new.place["device"]),
    windows.WindowAttention: lambda new: windows.WindowAttention(6, 2, 2, **new.place)(
        new(8, 4, 6), mask=new(4, 4, 4), return_weights=True
    ),
    windows.SwinBlock: lambda new: windows.SwinBlock(6, 2, 2, shift=1, **new.place)(
        new(2, 4, 5, 6), return_weights=True
    ),
    windows.PatchMerging: lambda new: windows.PatchMerging(3, **new.place)(new(2, 4, 5, 3)),
    windows.SwinTransformer: lambda new: windows.SwinTransformer(3, 4, 6, (2, 1), (2, 3), 2, 5, **new.place)(
        new(2, 3, 20, 24)
    ),
    windows.window_relation: lambda new: windows.window_relation((4, 5), 2, shift=1, device=new.place["device"]),
    windows.merging_relation: lambda new: windows.merging_relation((3, 4), device=new.place["device"]),
    windows.reach: lambda new: windows.reach([new(4, 5) > 0.5, new(3, 4) > 0.5]),
    convolution.conv2d_from_patches: lambda new: convolution.conv2d_from_patches(
        new(2, 4, 6, 7), new(6, 2, 3, 2), bias=new(6), stride=2, padding=1, groups=2
    ),
    convolution.shift_matrix: lambda new: convolution.shift_matrix((3, 4), (1, -1), **new.place),
    convolution.convolution_matrix: lambda new: convolution.convolution_matrix(new(3, 2, 3, 3), (4, 5), padding=1),
    convolution.effective_receptive_field: lambda new: convolution.effective_receptive_field(
        torch.nn.GroupNorm(1, 2, **new.place), (5, 6), channels=2, draws=2, generator=torch.Generator()
    ),
    convolution.convolution_as_attention: lambda new: convolution.convolution_as_attention(new(3, 2, 3, 1), (4, 5)),
    convolution.bilateral_filter: lambda new: convolution.bilateral_filter(
        new(2, 3, 4, 5), 3, sigma_space=1.0, sigma_color=0.1
    ),
    convolution.non_local_means: lambda new: convolution.non_local_means(new(2, 3, 4, 5), 3, 5, bandwidth=0.1),
    similarity.squared_distances: lambda new: similarity.squared_distances(new(2, 4, 3), new(5, 3)),
    similarity.cosine_similarity: lambda new: similarity.cosine_similarity(new(2, 4, 3)),
    similarity.correlation: lambda new: similarity.correlation(new(2, 4, 3), new(5, 3)),
    similarity.mahalanobis_distances: lambda new: similarity.mahalanobis_distances(
        new(4, 2), new(5, 2), covariance=torch.eye(2, **new.place)
    ),
    similarity.gaussian_affinity: lambda new: similarity.gaussian_affinity(new(4, 3), bandwidth=0.5),
    similarity.structural_similarity: lambda new: similarity.structural_similarity(new(2, 3, 9, 8), new(2, 3, 9, 8)),
    similarity.neighbor_similarity: lambda new: similarity.neighbor_similarity(new(6, 3), (2, 3), "correlation"),
    similarity.nearest_neighbors: lambda new: similarity.nearest_neighbors(new(4, 3), new(5, 3), 2),
    similarity.patch_spectrum: lambda new: similarity.patch_spectrum(new(2, 5, 12), channels=3),
    similarity.gradient_energy: lambda new: similarity.gradient_energy(new(2, 5, 12), channels=3),
    similarity.mean_color: lambda new: similarity.mean_color(new(2, 5, 12), channels=3),
    similarity.principal_components: lambda new: similarity.principal_components(new(5, 3), 2),
    similarity.standardize: lambda new: similarity.standardize(new(5, 3), reference=new(6, 3)),
    graphs.grid_graph: lambda new: graphs.grid_graph((3, 4), connectivity=8, **new.place),
    graphs.knn_graph: lambda new: graphs.knn_graph(new(6, 3), 2),
    graphs.radius_graph: lambda new: graphs.radius_graph(new(6, 2), 0.5),
    graphs.weight_edges: lambda new: graphs.weight_edges(new.ring(6), new(6, 3), bandwidth=0.5),
    graphs.normalize_adjacency: lambda new: graphs.normalize_adjacency(new.ring(6)),
    graphs.laplacian: lambda new: graphs.laplacian(new.ring(6), normalization="random_walk"),
    graphs.graph_convolution: lambda new: graphs.graph_convolution(new(2, 6, 3), new.ring(6), new(3, 4)),
    graphs.GraphConvolution: lambda new: graphs.GraphConvolution(3, 4, **new.place)(new(2, 6, 3), new.ring(6)),
    graphs.diffuse: lambda new: graphs.diffuse(new(6, 3), new.ring(6), 2),
    graphs.chebyshev_filter: lambda new: graphs.chebyshev_filter(new(6, 3), new.ring(6), new(3)),
    graphs.spectral_embedding: lambda new: graphs.spectral_embedding(new.ring(6), 2),
    graphs.spectral_clustering: lambda new: graphs.spectral_clustering(
        new.ring(6), 2, generator=torch.Generator().manual_seed(0)
    ),
    graphs.normalized_cut: lambda new: graphs.normalized_cut(new.ring(6)),
    graphs.k_means: lambda new: graphs.k_means(new(6, 3), 2, generator=torch.Generator().manual_seed(0)),
    graphs.label_propagation: lambda new: graphs.label_propagation(
        new.ring(6), new.labels(6) - 1, steps=2, return_scores=True
    ),
    graphs.GraphAttention: lambda new: graphs.GraphAttention(3, 4, heads=2, **new.place)(
        new(2, 6, 3), new.ring(6), return_weights=True
    ),
    synthesis.texture_features: lambda new: synthesis.texture_features("test", **new.place),
    synthesis.marked_textures: lambda new: synthesis.marked_textures(new(2, 3, 16), 2, generator=torch.Generator()),
    synthesis.relation_masks: lambda new: synthesis.relation_masks("shifted", device=new.place["device"]),
    synthesis.ceiling: lambda new: synthesis.ceiling("grid", question="left", **new.place),
    synthesis.RelationNetwork: lambda new: synthesis.RelationNetwork("local", **new.place)(
        new(2, 144, 16), new.labels(2)
    ),
    synthesis.fit: _fit,
    synthesis.accuracy_by_distance: _accuracy_by_distance,
    synthesis.trained: lambda new: list(synthesis.trained("grid", **new.place).parameters()),
    training.minibatches: lambda new: next(training.minibatches(new(5, 3), size=2, generator=torch.Generator())),
    training.train: lambda new: _train(new, torch.nn.LayerNorm(3, **new.place)),
    training.accuracy: lambda new: training.accuracy(torch.nn.LayerNorm(3, **new.place), new(5, 3), new.labels(5)),
}
WITHOUT_TENSORS = {
    devices.best_device,
    images.sample_names,
    windows.attention_cost,
    convolution.receptive_field,
    synthesis.weights_file,
    synthesis.under_one_recipe,
    measured.load,
}

# Without a driver torch cannot index a fake CUDA tensor, or aborts in its backward pass: there "lazy" stands in.
FAKE = "cuda:0" if torch.cuda.is_available() else "lazy:0"
REAL = [
    pytest.param("cpu", torch.float64, id="cpu-float64"),
    pytest.param("cpu", torch.float32, id="cpu-float32"),
    *([pytest.param("cuda:0", torch.float64, id="cuda-float64")] if torch.cuda.is_available() else []),
    *([pytest.param("mps:0", torch.float32, id="mps-float32")] if torch.backends.mps.is_available() else []),
]


def public(module):
    """Return the public functions and classes that a module defines, or a package gathers."""
    gathered = getattr(module, "__all__", ())
    return [
        thing
        for name, thing in vars(module).items()
        if callable(thing)
        and (name in gathered or (not name.startswith("_") and getattr(thing, "__module__", None) == module.__name__))
    ]


PUBLIC = [thing for name in NUMERICS for thing in public(importlib.import_module(f"patchwork.{name}"))]


def maker(device, dtype):
    """Return ``new``, which makes the inputs of the cases."""

    class New(SimpleNamespace):
        def __call__(self, *shape):
            return torch.linspace(0, 1, math.prod(shape), device=device, dtype=dtype).view(shape)

        def labels(self, number):
            return torch.arange(number, device=device) % 2

        def ring(self, number):
            places = torch.arange(number, device=device)
            return ((places.unsqueeze(1) - places).abs() % (number - 2) == 1).to(dtype)

    return New(place={"device": device, "dtype": dtype})


def tensors(result):
    found = list(result) if isinstance(result, (tuple, list)) else [result]
    assert all(isinstance(part, torch.Tensor) for part in found)
    return found


def test_every_public_name_has_a_case():
    assert {thing.__qualname__ for thing in PUBLIC} == {thing.__qualname__ for thing in CASES.keys() | WITHOUT_TENSORS}


@pytest.mark.parametrize("thing", CASES, ids=lambda thing: thing.__qualname__)
def test_results_stay_on_a_fake_device(thing):
    with FakeTensorMode():
        for result in tensors(CASES[thing](maker(FAKE, torch.float32))):
            assert str(result.device) == FAKE


def test_the_fake_device_notices_mixed_devices():
    with FakeTensorMode(), pytest.raises(Exception, match=r"found (at least two|two different) devices"):
        maker(FAKE, torch.float32)(2) + torch.ones(2)


@pytest.mark.parametrize(("device", "dtype"), REAL)
@pytest.mark.parametrize("thing", CASES, ids=lambda thing: thing.__qualname__)
def test_results_keep_device_and_dtype(thing, device, dtype):
    results = tensors(CASES[thing](maker(device, dtype)))
    for result in results:
        assert result.device.type == torch.device(device).type
        assert result.dtype == dtype or not result.is_floating_point()


@pytest.mark.parametrize("thing", PUBLIC, ids=lambda thing: thing.__qualname__)
def test_docstrings(thing):
    text, parameters = inspect.getdoc(thing), inspect.signature(thing).parameters
    first, blank = text.splitlines()[:2]
    assert first.endswith(".")
    assert blank == ""
    assert ">>> " in text
    assert "chapter" in text
    assert "ValueError" in text or not parameters
    assert "Shapes: " in text or thing in WITHOUT_TENSORS


@pytest.mark.parametrize("thing", list(filter(inspect.isfunction, CASES)), ids=lambda thing: thing.__qualname__)
def test_functions_draw_only_from_a_generator(thing):
    before = torch.get_rng_state()
    CASES[thing](maker("cpu", torch.float32))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.fixture(scope="module")
def fresh():
    """A finished process that imported the numerics, told what they imported, and used sparse graphs."""
    heavy = ["matplotlib", "ipywidgets", "anywidget", "transformers", "sphinx", "IPython", "PIL", "sklearn"]
    code = (
        f"import sys, {', '.join(f'patchwork.{name}' for name in NUMERICS)};"
        f"print(*[name for name in {heavy} if name in sys.modules]);"
        "import torch; from patchwork.graphs import *; g = normalize_adjacency(grid_graph((30, 30)));"
        "x = torch.zeros(900, 2, requires_grad=True); GraphConvolution(2, 3)(x, g).sum().backward();"
        "GraphAttention(2, 2)(x, g); spectral_embedding(g, 2)"
    )
    return subprocess.run([sys.executable, "-W", "always", "-c", code], capture_output=True, text=True, check=True)


def test_numerics_import_no_pictures_and_no_notebook(fresh):
    assert fresh.stdout.strip() == ""


def test_no_warning_reaches_the_reader(fresh):
    """Torch warns that sparse layouts are a beta, once in a process."""
    assert fresh.stderr == ""
