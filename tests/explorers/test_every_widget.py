"""What holds for every explorer: what a page and a notebook keep, and what settings are refused."""

import base64
import html
import io
import re
from collections import Counter

import pytest
import torch
import traitlets
from ipywidgets import IntSlider, link
from PIL import Image
from stored import page_state

from patchwork.explorers.answers import look as answers_look
from patchwork.explorers.attention import look as attention_look
from patchwork.explorers.common import encoding, photographs
from patchwork.explorers.convolution import look as convolution_look
from patchwork.explorers.graphs import look as graph_look
from patchwork.explorers.patches import look as patch_look
from patchwork.explorers.real_network import look as real_network_look
from patchwork.explorers.relations import look as relations_look
from patchwork.explorers.similarity import look as similarity_look
from patchwork.explorers.windows import look as window_look


def test_the_bundle_has_all_three_outputs(each, bundle):
    bundled = bundle(each)
    assert repr(each).startswith(bundled["text/plain"].removesuffix("…"))  # older anywidget cuts it
    assert "application/vnd.jupyter.widget-view+json" in bundled
    with Image.open(io.BytesIO(base64.b64decode(bundled["image/png"]))) as picture:
        assert picture.width >= 600
    assert f'<div class="explorer" data-explorer="{each.module}"' in bundled["text/html"]


@pytest.mark.parametrize(
    ("each", "told"),
    [
        ("explorer", ["astronaut", "7 × 7", "patch 17", "32 × 32 pixels"]),
        ("asking", ["mosaic", "in row", "mean of all heads", "Untrained: ", "Trained: ", "in its region, chance"]),
        (
            "looking",
            ["astronaut", "16 × 16 tokens", "and masked", "token 224", "4 of the 16", "64 of 256", "2.2 times"],
        ),
        (
            "convolving",
            ["astronaut", "48 × 48 pixels", "“edge left–right”", "pixel 2000", "2.871", "6 of 2304", "11 by 11 hold"],
        ),
        (
            "comparing",
            ["patch 124", "mosaic", "twelve maps", "Average precision, over all patches; chance 0.38", "spectrum 0.88"],
        ),
        (
            "tying",
            ["mosaic", "16 × 16 patches", "at most 3 patches away", "3 clusters", "3026 edges, 1 component", "0.68"],
        ),
        (
            "guessing",
            [
                "mosaic",
                "patch 124 in row 7, column 12",
                "6 maps",
                "real network AUC 0.98, mass 1.00",
                "graph walk AUC 0.99, mass 0.86",
                "self-attention AUC 1.00, mass 1.00",
                "region? Chance 0.39",
            ],
        ),
        ("answering", ["12 × 12 patches", "row 4, column 8", "am I of its texture?", "own: nobody", " of 48; grid: "]),
        (
            "reading",
            ["chelsea", "patch 101 in row 6, column 5", "features at depth 8", "25 most alike are 4.4", "cosine 0.20"],
        ),
    ],
    indirect=["each"],
)
def test_the_fallback_is_small_and_described(each, told, bundle):
    page = bundle(each)["text/html"]
    jpeg, alt = re.search(r'<img src="data:image/jpeg;base64,([^"]+)" alt="([^"]+)"', page).groups()
    assert len(base64.b64decode(jpeg)) < 60_000
    assert all(words in html.unescape(alt) for words in told)


@pytest.mark.parametrize(
    ("each", "names"),
    [
        ("explorer", {"photo", "photos", "patch_size", "stride", "selected", "shuffled"}),
        ("asking", {"scene", "scenes", "model", "block", "head", "query", "temperature"}),
        (
            "looking",
            {"photo", "photos", "grid", "window_size", "shift", "step", "selected", "blocks", "shifted", "merging"},
        ),
        ("convolving", {"photo", "photos", "kernel", "boundary", "selected", "layers", "stride", "dilation"}),
        (
            "comparing",
            {
                "photo",
                "photos",
                "labels",
                "patch_size",
                "mode",
                "feature",
                "metric",
                "gain",
                "offset",
                "selected",
            },
        ),
        (
            "tying",
            {
                *("photo", "photos", "labels", "patch_size", "draws", "feature", "graph", "k", "radius", "bandwidth"),
                *("view", "pattern", "clusters", "steps", "selected"),
            },
        ),
        (
            "guessing",
            {
                "photo",
                "photos",
                "labels",
                "patch_size",
                "learned",
                "network",
                "missing",
                "selected",
                "marked",
                "revealed",
            },
        ),
        ("answering", {"scenes", "scene", "question", "network", "view", "selected"}),
        ("reading", {"parts", "photo", "depth", "head", "selected"}),
    ],
    indirect=["each"],
)
def test_the_page_state_is_the_public_one(each, names, bundle):
    state = page_state(bundle(each))
    assert set(state) == names
    assert state == each.state()


@pytest.mark.parametrize(
    ("fresh", "expected"),
    [
        ("explorer", "PatchExplorer(patch_size=32, photo='astronaut', selected=17, shuffled=False, stride=None)"),
        (
            "asking",
            "AttentionExplorer(block=0, head=None, model=None, query=115, scene='mosaic', temperature=1.0)",
        ),
        (
            "looking",
            "WindowExplorer(blocks=3, grid=(16, 16), merging=False, photo='astronaut', selected=224, shift=2, "
            "shifted=True, step='mask', window_size=4)",
        ),
        (
            "convolving",
            "ConvolutionExplorer(boundary='zero', dilation=1, kernel=[[-1.0, 0.0, 1.0], [-1.0, 0.0, 1.0], "
            "[-1.0, 0.0, 1.0]], layers=8, photo='astronaut', selected=2000, stride=[1, 1, 1, 1, 1, 1, 1, 1])",
        ),
        (
            "comparing",
            "SimilarityExplorer(feature='pixels', gain=1.0, metric='euclidean', mode='patch', offset=0.0, "
            "patch_size=16, photo='mosaic', selected=124)",
        ),
        (
            "tying",
            "GraphExplorer(bandwidth=0.5, clusters=3, feature='spectrum', graph='radius', k=8, patch_size=16, "
            "pattern=2, photo='mosaic', radius=3.0, selected=124, steps=4, view='clusters')",
        ),
        ("guessing", "RelationsExplorer(marked=[], patch_size=16, photo='mosaic', revealed=False, selected=124)"),
        (
            "answering",
            "AnswersExplorer(network='convolution', question='same', scene=0, selected=56, view='right')",
        ),
        ("reading", "RealNetworkExplorer(depth=8, head=None, photo='chelsea', selected=101)"),
    ],
    indirect=["fresh"],
)
def test_the_repr_lists_the_settings_only(fresh, expected):
    fresh.hovered = 3
    assert repr(fresh) == expected


REFUSED = [
    ("explorer", "patch_size", "32", "expected an int"),
    ("explorer", "shuffled", None, "expected a boolean"),
    ("explorer", "photos", {}, "photos must hold 'astronaut', the one shown, got []"),
    ("explorer", "photos", {"coffee": ""}, "photos must hold 'astronaut', the one shown, got ['coffee']"),
    ("explorer", "photos", {"astronaut": "no picture"}, "the photograph 'astronaut' must be a picture as base64 text"),
    ("explorer", "photos", {"astronaut": None}, "the photograph 'astronaut' must be a picture as base64 text"),
    ("looking", "grid", (8, 8), "grid must stay as it is"),
    (
        "explorer",
        "photos",
        {"astronaut": encoding.encode_photo(torch.zeros(3, 97, 89))},
        "no patch_size cuts H, W = 97, 89 into at most 4096 patches",
    ),
    ("looking", "photo", "nobody", "'nobody' is not among"),
    ("looking", "photos", {"astronaut": "no picture"}, "must be a picture as base64 text"),
    ("looking", "shifted", None, "expected a boolean"),
    ("looking", "window_size", "4", "expected an int"),
    ("comparing", "patch_size", 8, "patch_size must stay as it is"),
    ("comparing", "labels", {"mosaic": [0] * 256}, "labels must stay as it is"),
    ("comparing", "photos", {"mosaic": encoding.encode_photo(torch.zeros(3, 256, 256))}, "its labels belong to it"),
    ("comparing", "gain", "1", "expected a float"),
    ("comparing", "feature", 3, "expected a unicode string"),
    ("tying", "patch_size", 8, "patch_size must stay as it is"),
    ("tying", "draws", [0.5] * 80, "draws must stay as it is"),
    ("tying", "photos", {"mosaic": encoding.encode_photo(torch.zeros(3, 256, 256))}, "its labels belong to it"),
    ("tying", "bandwidth", "1", "expected a float"),
    ("tying", "k", 2.5, "expected an int"),
    ("guessing", "patch_size", 8, "patch_size must stay as it is"),
    ("guessing", "learned", {}, "learned must stay as it is"),
    ("guessing", "photos", {"mosaic": encoding.encode_photo(torch.zeros(3, 256, 256))}, "its labels belong to it"),
    ("guessing", "marked", 5, "expected a list"),
    ("guessing", "revealed", None, "expected a boolean"),
    ("asking", "scenes", {}, "scenes must stay as it is"),
    ("asking", "query", "1", "expected an int"),
    ("asking", "model", ["trained"], "expected a unicode string"),
    ("asking", "scene", ["mosaic"], "expected a unicode string"),
    ("answering", "scenes", {}, "scenes must stay as it is"),
    ("answering", "question", "left", "question must stay as it is"),
    ("answering", "selected", 2.5, "expected an int"),
    ("answering", "network", None, "expected a unicode string"),
    ("reading", "parts", {}, "parts must stay as it is"),
    ("reading", "depth", "8", "expected an int"),
    ("reading", "photo", "your photo", "photo must be one of ['chelsea', 'coffee', 'astronaut', 'mosaic'], got 'your"),
]


# What the settings and the arguments refuse in the same words.
REFUSED_IN_BOTH_WAYS = [
    ("asking", "scene", "nowhere", "scene must be one of ['mosaic', 'digit'], got 'nowhere'"),
    ("asking", "model", "half", "model must be one of ['untrained', 'trained'], got 'half'"),
    ("explorer", "patch_size", 30, "patch_size 30 does not divide"),
    ("explorer", "patch_size", 0, "patch_size must be a whole number of at least 1, got 0"),
    ("explorer", "patch_size", 2, "at most 4096 patches, got N = 112 × 112"),
    ("explorer", "stride", 33, "every 33 pixels do not tile"),
    ("explorer", "stride", 5, "every 5 pixels do not tile"),
    ("explorer", "stride", 0, "stride must be a whole number of at least 1, got 0"),
    ("explorer", "selected", 49, "selected must be one of 0 … 48, got 49"),
    ("explorer", "selected", -1, "selected must be one of 0 … 48, got -1"),
    ("explorer", "photo", "nobody", "'nobody' is not among"),
    ("asking", "block", 1, "block must be one of 0 … 0, got 1"),
    ("asking", "head", 4, "head must be one of 0 … 3, got 4"),
    ("asking", "head", -1, "head must be one of 0 … 3, got -1"),
    ("asking", "query", 256, "query must be one of 0 … 255, got 256"),
    ("asking", "temperature", 0.0, "temperature must lie in 0.0625 … 16, got 0"),
    ("asking", "temperature", float("nan"), "temperature must be a finite number, got nan"),
    ("asking", "temperature", 17, "temperature must lie in 0.0625 … 16, got 17"),
    ("looking", "window_size", 5, "window_size must be one of [2, 4, 8], got 5"),
    ("looking", "window_size", 16, "window_size must be one of [2, 4, 8], got 16"),
    ("looking", "window_size", 0, "window_size must be one of [2, 4, 8], got 0"),
    ("looking", "shift", 4, "shift must be one of 0 … 3, got 4"),
    ("looking", "shift", -1, "shift must be one of 0 … 3, got -1"),
    (
        "looking",
        "step",
        "rolled",
        "step must be one of ['tokens', 'shift', 'windows', 'mask', 'unshift'], got 'rolled'",
    ),
    ("looking", "selected", 256, "selected must be one of 0 … 255, got 256"),
    ("looking", "selected", -1, "selected must be one of 0 … 255, got -1"),
    ("looking", "blocks", 9, "blocks must be one of 0 … 8, got 9"),
    (
        "convolving",
        "kernel",
        [[1.0, 2.0]],
        "the kernel must be K rows of K weights, K one of (1, 3, 5), got [[1.0, 2.0]]",
    ),
    ("convolving", "kernel", [[0.0] * 2] * 2, "K one of (1, 3, 5)"),
    ("convolving", "kernel", [[0.0] * 3, [0.0] * 3, [0.0] * 2], "K rows of K weights"),
    ("convolving", "kernel", [[float("nan")]], "a weight must be a finite number, got nan"),
    ("convolving", "kernel", [["1"]], "a weight must be a finite number, got '1'"),
    ("convolving", "kernel", [[100.0]], "a weight must be one of −99 … 99, got 100"),
    ("convolving", "kernel", [], "K rows of K weights"),
    ("comparing", "mode", "all", "mode must be one of ['patch', 'neighbors'], got 'all'"),
    ("comparing", "feature", "color", "feature must be one of ['pixels', 'mean color', 'gradient energy', 'spectrum']"),
    ("comparing", "metric", "dot", "metric must be one of ['euclidean', 'cosine', 'correlation'], got 'dot'"),
    ("comparing", "gain", 0.0, "gain must lie in 0.1 … 2, got 0"),
    ("comparing", "gain", float("nan"), "gain must be a finite number, got nan"),
    ("comparing", "offset", 0.6, "offset must lie in -0.5 … 0.5, got 0.6"),
    ("comparing", "selected", 256, "selected must be one of 0 … 255, got 256"),
    ("comparing", "selected", -1, "selected must be one of 0 … 255, got -1"),
    ("tying", "feature", "color", "feature must be one of ['pixels', 'mean color', 'gradient energy', 'spectrum']"),
    ("tying", "graph", "complete", "graph must be one of ['nearest', 'grid', 'radius'], got 'complete'"),
    ("tying", "view", "edges", "view must be one of ['degrees', 'pattern', 'clusters', 'diffusion'], got 'edges'"),
    ("tying", "k", 0, "k must be one of 1 … 15, got 0"),
    ("tying", "k", 16, "k must be one of 1 … 15, got 16"),
    ("tying", "radius", 0.5, "radius must lie in 1 … 4, got 0.5"),
    ("tying", "radius", float("nan"), "radius must be a finite number, got nan"),
    ("tying", "bandwidth", 0.0, "bandwidth must lie in 0.25 … 4, got 0"),
    ("tying", "bandwidth", float("inf"), "bandwidth must be a finite number, got inf"),
    ("tying", "pattern", 13, "pattern must be one of 1 … 12, got 13"),
    ("tying", "clusters", 1, "clusters must be one of 2 … 8, got 1"),
    ("tying", "steps", 3, "steps must be one of [0, 1, 2, 4, 8, 16, 32, 64, 128, 256], got 3"),
    ("tying", "steps", -1, "steps must be one of [0, 1, 2, 4, 8, 16, 32, 64, 128, 256], got -1"),
    ("tying", "selected", 256, "selected must be one of 0 … 255, got 256"),
    ("tying", "selected", -1, "selected must be one of 0 … 255, got -1"),
    ("guessing", "selected", 256, "selected must be one of 0 … 255, got 256"),
    ("guessing", "selected", -1, "selected must be one of 0 … 255, got -1"),
    ("guessing", "marked", [3, 256], "a marked patch must be one of 0 … 255, got 256"),
    ("guessing", "marked", [1.5], "a marked patch must be a whole number of at least 0, got 1.5"),
    ("convolving", "boundary", "replicate", "boundary must be one of ['zero', 'circular'], got 'replicate'"),
    ("convolving", "selected", 2304, "selected must be one of 0 … 2303, got 2304"),
    ("convolving", "selected", -1, "selected must be one of 0 … 2303, got -1"),
    ("convolving", "layers", 0, "layers must be one of 1 … 8, got 0"),
    ("convolving", "layers", 9, "layers must be one of 1 … 8, got 9"),
    ("convolving", "stride", [3], "stride must be 1 or 2 in each layer, got [3]"),
    ("convolving", "stride", [0], "stride must be a whole number of at least 1, got 0"),
    ("convolving", "stride", [1] * 9, "a list of at most 8 of them"),
    ("convolving", "dilation", 3, "dilation must be one of [1, 2, 'doubling'], got 3"),
    ("convolving", "dilation", True, "dilation must be one of [1, 2, 'doubling'], got True"),
    ("convolving", "dilation", [1], "dilation must be one of [1, 2, 'doubling'], got [1]"),
    ("convolving", "dilation", 2.0, "dilation must be one of [1, 2, 'doubling'], got 2.0"),
    ("convolving", "dilation", torch.tensor(2), "dilation must be one of [1, 2, 'doubling'], got tensor(2)"),
    ("answering", "scene", -1, "scene must be one of 0 … 4294967295, got -1"),
    ("answering", "scene", 2**32, "scene must be one of 0 … 4294967295, got 4294967296"),
    ("answering", "network", "global", "network must be one of ['own', 'convolution', 'grid', 'knn'], got 'global'"),
    ("answering", "view", "map", "view must be one of ['right', 'answers', 'steps'], got 'map'"),
    ("answering", "selected", 144, "selected must be one of 0 … 143, got 144"),
    ("answering", "selected", -1, "selected must be one of 0 … 143, got -1"),
    ("reading", "photo", "nobody", "photo must be one of ['chelsea', 'coffee', 'astronaut', 'mosaic'], got 'nobody'"),
    ("reading", "depth", 13, "depth must be one of 0 … 12, got 13"),
    ("reading", "depth", -1, "depth must be one of 0 … 12, got -1"),
    ("reading", "head", 6, "head must be one of 0 … 5, got 6"),
    ("reading", "head", -1, "head must be one of 0 … 5, got -1"),
    ("reading", "selected", 256, "selected must be one of 0 … 255, got 256"),
]


@pytest.mark.parametrize(("each", "name", "value", "message"), REFUSED + REFUSED_IN_BOTH_WAYS, indirect=["each"])
def test_a_setting_that_does_not_fit_is_refused_and_leaves_no_trace(each, name, value, message):
    before, state = repr(each), each.state()
    with pytest.raises(traitlets.TraitError, match=re.escape(message)):
        setattr(each, name, value)
    assert (repr(each), each.state()) == (before, state)


@pytest.mark.parametrize(("each", "name", "value", "message"), REFUSED_IN_BOTH_WAYS, indirect=["each"])
def test_a_setting_that_does_not_fit_is_refused_as_an_argument_too(each, name, value, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        type(each)(each._given, **{name: value})


@pytest.mark.parametrize(
    ("fresh", "name", "first", "then"),
    [
        ("explorer", "selected", 3, 40),
        ("asking", "head", 1, 3),
        ("looking", "blocks", 5, 2),
        ("convolving", "layers", 5, 2),
        ("comparing", "selected", 5, 2),
        ("tying", "selected", 5, 2),
        ("guessing", "selected", 5, 2),
        ("answering", "selected", 5, 2),
        ("reading", "selected", 5, 2),
    ],
    indirect=["fresh"],
)
def test_an_explorer_links_to_another_widget(fresh, name, first, then):
    slider = IntSlider(min=0, max=48, value=first)
    link((slider, "value"), (fresh, name))
    assert getattr(fresh, name) == first
    setattr(fresh, name, then)
    assert slider.value == then


SLOW = {
    "explorer": (patch_look, "extract_patches", "merge_patches", "shuffled_order"),
    "asking": (attention_look, "attend", "score_regions"),
    "looking": (window_look, "window_partition", "cyclic_shift", "shifted_window_mask", "reach"),
    "convolving": (convolution_look, "conv2d_from_patches", "convolution_matrix", "receptive_field"),
    "comparing": (similarity_look, "patchify", "squared_distances", "mean_average_precision", "rank_shares"),
    "tying": (graph_look, "grid_graph", "radius_graph", "weight_edges", "spectral_embedding", "spectral_clustering"),
    "guessing": (relations_look, "five_relations", "network_relation"),
    "answering": (answers_look, "true_answers", "judge"),
    "reading": (real_network_look, "restore_features", "restore_head"),
}


@pytest.mark.parametrize("each", SLOW, indirect=True)
def test_nothing_is_computed_twice(request, each, monkeypatch):
    """One output of a notebook decodes the photograph once, and computes each thing that takes long once."""
    module, *names = SLOW[request.node.callspec.params["each"]] or (None,)
    photographs.gray.cache_clear()
    calls = Counter()
    watched = [(photographs, "decode_photo"), *((module, name) for name in names)]
    for place, name in watched:
        monkeypatch.setattr(place, name, counted(getattr(place, name), calls))
    each._seen = None, None
    each._repr_mimebundle_()
    each.look
    assert [name for (name, *_), number in calls.items() if number > 1] == []


def counted(function, calls):
    """The function, whose calls are counted by what they are given."""

    def calling(*args, **options):
        given = (each.numpy().tobytes() if isinstance(each, torch.Tensor) else repr(each) for each in args)
        calls[function.__name__, *given] += 1
        return function(*args, **options)

    return calling
