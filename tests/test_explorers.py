"""Explorers: their Python side, and the text and picture they leave where no kernel runs."""

import base64
import functools
import html
import io
import json
import math
import random
import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import traitlets
from ipywidgets import IntSlider, link
from PIL import Image
from sklearn.metrics import adjusted_rand_score, roc_auc_score
from torch import nn
from torch.nn import functional

from patchwork import graphs, synthesis
from patchwork.attention import attention_weights
from patchwork.convolution import convolution_as_attention, effective_receptive_field, receptive_field
from patchwork.explorers.answers import AnswersExplorer
from patchwork.explorers.answers import solved as answer_scenes
from patchwork.explorers.attention import AttentionExplorer, Scene
from patchwork.explorers.common import modules, photographs
from patchwork.explorers.common import widget as base
from patchwork.explorers.convolution.widget import (
    BOUNDARIES,
    DILATIONS,
    KERNEL_SIZES,
    PRESETS,
    ConvolutionExplorer,
    preset,
    presets,
)
from patchwork.explorers.graphs.widget import STEPS as DIFFUSION_STEPS
from patchwork.explorers.graphs.widget import GraphExplorer, in_order
from patchwork.explorers.patches import PatchExplorer, patch_grid, same_place, shuffled_order
from patchwork.explorers.relations.still import draw_relations
from patchwork.explorers.relations.widget import NAMES, RelationsExplorer, row_scores, row_spread
from patchwork.explorers.similarity.widget import FEATURES, METRICS, SimilarityExplorer
from patchwork.explorers.windows.widget import STEPS, WindowExplorer, window_sizes
from patchwork.images import load_image, texture_mosaic
from patchwork.patches import extract_patches, merge_patches, patchify, unpatchify
from patchwork.relations import mean_average_precision, region_mass, same_region_auc
from patchwork.similarity import (
    correlation,
    cosine_similarity,
    neighbor_similarity,
    patch_spectrum,
    squared_distances,
    standardize,
)
from patchwork.synthesis.families import five_relations, learned
from patchwork.windows import attention_cost, merging_relation, reach, window_relation


@pytest.fixture(scope="module")
def photos():
    return {name: load_image(name, size=224) for name in ("astronaut", "coffee", "chelsea")}


@pytest.fixture(scope="module")
def mosaic():
    return texture_mosaic(half="test", generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def little():
    """A mosaic of 64 patches, and a photograph of as many."""
    mosaic = texture_mosaic(grid=(8, 8), half="test", generator=torch.Generator().manual_seed(1))
    return {"mosaic": mosaic, "coffee": load_image("coffee", size=128)}


@pytest.fixture(scope="module")
def networks():
    return {relation: synthesis.trained(relation) for relation in ("own", "convolution", "grid", "knn")}


@pytest.fixture(scope="module", autouse=True)
def slow_parts_once():
    """Hundreds of explorers here hold the same few gray pictures and networks, each of which takes a tenth of a second.

    Pictures are told apart by all that they are written from, networks by identity: no test changes one.
    """

    def written(picture, *kind, **options):
        return picture.mode, picture.size, picture.tobytes(), kind, *options.items()

    def answered(model, features):
        return model, features.numpy().tobytes()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(photographs, "encode_picture", once(photographs.encode_picture, written))
        patch.setattr(answer_scenes, "_probabilities", once(answer_scenes._probabilities, answered))
        yield


def once(function, key):
    """The function, called once for all arguments of one key."""
    known = {}

    def remembered(*args, **options):
        found = key(*args, **options)
        if found not in known:
            known[found] = function(*args, **options)
        return known[found]

    return remembered


@pytest.fixture(scope="module")
def make(photos, scenes, mosaic, networks):
    """How each explorer is made, by the name of its fixture."""
    small = {name: load_image(name, size=48) for name in ("astronaut", "coffee")}
    cut = {"mosaic": mosaic, "coffee": load_image("coffee", size=256)}
    return {
        "explorer": lambda: PatchExplorer(photos),
        "asking": lambda: AttentionExplorer(scenes),
        "looking": lambda: WindowExplorer({name: photos[name] for name in ("astronaut", "coffee")}),
        "convolving": lambda: ConvolutionExplorer(small),
        "comparing": lambda: SimilarityExplorer(cut),
        "tying": lambda: GraphExplorer(cut),
        "guessing": lambda: RelationsExplorer(cut),
        "answering": lambda: AnswersExplorer(networks),
    }


@pytest.fixture
def explorer(make):
    return make["explorer"]()


@pytest.fixture
def small():
    return PatchExplorer(torch.rand(3, 48, 64, generator=torch.Generator().manual_seed(0)), patch_size=16)


@pytest.fixture
def asking(make):
    return make["asking"]()


@pytest.fixture
def looking(make):
    return make["looking"]()


@pytest.fixture
def convolving(make):
    return make["convolving"]()


@pytest.fixture
def comparing(make):
    return make["comparing"]()


@pytest.fixture
def tying(make):
    return make["tying"]()


@pytest.fixture
def guessing(make):
    return make["guessing"]()


@pytest.fixture
def answering(make):
    return make["answering"]()


@pytest.fixture
def fresh(request, make):
    """The explorer of this name."""
    return make[request.param]()


@pytest.fixture(scope="module")
def start(make):
    """The explorers that tests only look at, by the names of their fixtures."""
    return functools.cache(lambda name: make[name]())


@pytest.fixture(params=["explorer", "asking", "looking", "convolving", "comparing", "tying", "guessing", "answering"])
def each(request, start):
    """Every explorer in turn, as it starts; a test must leave it so."""
    explorer = start(request.param)
    before = repr(explorer)
    yield explorer
    if repr(explorer) != before:
        start.cache_clear()
        pytest.fail(f"{before} became {explorer!r}")


@pytest.fixture(scope="module")
def bundle():
    """What an explorer that tests only look at leaves in a notebook, made once."""
    return functools.cache(lambda explorer: explorer._repr_mimebundle_()[0])


def page_state(bundle):
    return json.loads(html.unescape(re.search(r'data-state="([^"]*)"', bundle["text/html"])[1]))


# modules


def test_no_relative_import_is_left():
    for path in modules.EXPLORERS.rglob("*.mjs"):
        assert not re.search(r"""(from|import)\s*["']\.""", modules.widget_module(path)), path


def test_a_module_is_brought_once_after_what_it_imports(tmp_path):
    folders = {"a": 'import { b } from "../b/b.mjs";\nimport "../c/c.mjs";\nexport const a = b;'}
    folders |= {"b": "import { c } from '../c/c.mjs'; export const b = c;", "c": "export const c = 'é';"}
    for name, text in folders.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.mjs").write_text(text, "utf-8")
    found = modules.sources(tmp_path / "a" / "a.mjs", root=tmp_path)
    assert list(found) == ["c/c.mjs", "b/b.mjs", "a/a.mjs"]
    assert found["c/c.mjs"] == "export const c = 'é';"
    assert found["b/b.mjs"] == 'import { c } from "patchwork:c/c.mjs"; export const b = c;'
    assert found["a/a.mjs"].startswith('import { b } from "patchwork:b/b.mjs";\nimport "patchwork:c/c.mjs";')


def test_modules_in_a_circle_are_named(tmp_path):
    (tmp_path / "a.mjs").write_text('import "./b.mjs";')
    (tmp_path / "b.mjs").write_text('import "./a.mjs";')
    with pytest.raises(ValueError, match=r"a\.mjs → b\.mjs → a\.mjs"):
        modules.sources(tmp_path / "a.mjs", root=tmp_path)


def test_the_page_script_carries_every_module_but_the_panels():
    line, _, rest = modules.page_script().partition("};\n")
    carried = json.loads(line.removeprefix("window.__patchwork_modules = ") + "}")
    every = {path.relative_to(modules.EXPLORERS).as_posix() for path in modules.EXPLORERS.rglob("*.mjs")}
    assert set(carried) == every - {"panel.mjs"}
    for name in ("link.js", "mount.js"):
        assert (modules.COMMON / name).read_text("utf-8") in rest
    assert "</script" not in modules.page_script()


def test_a_widget_brings_each_module_once():
    for name in ("relations", "answers"):
        path = modules.EXPLORERS / name / "page.mjs"
        size = sum(len(text.encode()) for text in modules.sources(path).values())
        assert len(modules.widget_module(path).encode()) < 1.1 * size + 2_000


# helpers


def test_a_photo_survives_encoding(photos):
    read = base.decode_photo(base.encode_photo(photos["astronaut"]))
    assert (read - photos["astronaut"]).abs().mean() < 0.012
    assert base.encode_photo(photos["astronaut"]) == base.encode_photo(photos["astronaut"].double())


@pytest.mark.parametrize(
    "image",
    [torch.zeros(1, 3, 8, 8), torch.zeros(1, 8, 8), torch.full((3, 8, 8), 2.0), torch.full((3, 8, 8), torch.nan)],
)
def test_what_is_no_image_is_refused(image):
    with pytest.raises(ValueError, match="an image must"):
        base.encode_photo(image)


def test_an_array_survives_quantization():
    values = torch.randn(5, 7)
    code = base.encode_array(values)
    levels = torch.frombuffer(bytearray(base64.b64decode(code["data"])), dtype=torch.uint8).view(code["shape"])
    read = code["low"] + levels / 255 * (code["high"] - code["low"])
    assert (read - values).abs().max() <= (code["high"] - code["low"]) / 509
    assert base.encode_array(torch.ones(2))["data"] == "AAA="


@pytest.mark.parametrize("bits", [1, 8, 12, 16])
@pytest.mark.parametrize("size", [1e-300, 1e-9, 1, 1e12, 1e300])
def test_ends_of_an_array_have_no_digits_that_say_nothing(bits, size):
    """Two machines whose trainings differ by less than a level's error mostly store the same ends."""
    values = size * torch.randn(100, dtype=torch.float64)
    code = base.encode_array(values, bits=bits)
    least, most = values.min().item(), values.max().item()
    error = (most - least) / 2 / (2**bits - 1)
    assert least - error <= code["low"] <= least < most <= code["high"] <= most + error
    digits = math.ceil(math.log10(max(-least, most) / error)) + 1
    assert all(float(f"{code[end]:.{digits}g}") == code[end] for end in ("low", "high"))


@pytest.mark.parametrize("values", [[0.1, 0.1], [0.0, 5e-324]])
def test_ends_too_near_to_round_stay(values):
    code = base.encode_array(torch.tensor(values, dtype=torch.float64))
    assert [code["low"], code["high"]] == values


@pytest.mark.parametrize("bits", [1, 5, 8, 12, 16])
def test_levels_follow_each_other_bit_by_bit(bits):
    levels = torch.randint(0, 2**bits, (13,))
    levels[:2] = torch.tensor([0, 2**bits - 1])
    code = base.encode_array(levels, bits=bits)
    text = "".join(f"{byte:08b}" for byte in base64.b64decode(code["data"]))
    assert [int(text[at * bits : (at + 1) * bits], 2) for at in range(13)] == levels.tolist()
    assert len(text) < 13 * bits + 8


@pytest.mark.parametrize("bits", [0, 17, 8.0, True, None])
def test_bits_that_are_none_are_refused(bits):
    with pytest.raises(ValueError, match="bits must be"):
        base.encode_array(torch.ones(2), bits=bits)


@pytest.mark.parametrize("values", [torch.tensor([0.0, torch.nan]), torch.tensor([torch.inf]), torch.zeros(0)])
def test_an_array_that_has_no_range_is_refused(values):
    with pytest.raises(ValueError, match="finite and not empty"):
        base.encode_array(values)


# what a page and a notebook keep


def test_the_bundle_has_all_three_outputs(each, bundle):
    bundled = bundle(each)
    assert bundled["text/plain"] == repr(each)
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
                "five maps",
                "graph walk AUC 0.99, mass 0.86",
                "self-attention AUC 1.00, mass 1.00",
                "region? Chance 0.39",
            ],
        ),
        ("answering", ["12 × 12 patches", "row 4, column 8", "am I of its texture?", "own: nobody", " of 48; grid: "]),
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
        ("guessing", {"photo", "photos", "labels", "patch_size", "learned", "selected", "marked", "revealed"}),
        ("answering", {"scenes", "scene", "question", "network", "view", "selected"}),
    ],
    indirect=["each"],
)
def test_the_page_state_is_the_public_one(each, names, bundle):
    state = page_state(bundle(each))
    assert set(state) == names
    assert state == each.state()


def test_the_outputs_are_the_same_each_time(photos):
    one, two = (PatchExplorer(photos, patch_size=16, selected=3)._repr_mimebundle_()[0] for _ in range(2))
    assert one["text/html"] == two["text/html"]
    assert one["image/png"] == two["image/png"]


def test_photographs_keep_their_order(photos):
    given = {name: photos[name] for name in ("coffee", "astronaut", "chelsea")}
    assert list(page_state(PatchExplorer(given)._repr_mimebundle_()[0])["photos"]) == list(given)


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
    ],
    indirect=["fresh"],
)
def test_the_repr_lists_the_settings_only(fresh, expected):
    fresh.hovered = 3
    assert repr(fresh) == expected


def test_the_state_stays_under_the_limit(photos):
    size = len(json.dumps(PatchExplorer(photos).state()))
    assert size < base.STATE_LIMIT == 150_000
    many = {f"{name} {copy}": image for copy in range(3) for name, image in photos.items()}
    with pytest.raises(ValueError, match=r"takes \d{6} bytes on the page, more than 150000"):
        PatchExplorer(many)


# settings


@pytest.mark.parametrize("patch_size", [7, 16, 32, 56, 224])
def test_patches_and_vector_are_the_librarys(explorer, photos, patch_size):
    explorer.patch_size = patch_size
    assert torch.equal(explorer.patches, patchify(photos["astronaut"][None], patch_size)[0])
    assert torch.equal(explorer.vector, explorer.patches[explorer.selected])


def test_overlapping_patches_are_the_librarys(explorer, photos):
    explorer.stride = 8
    assert torch.equal(explorer.patches, extract_patches(photos["astronaut"][None], 32, stride=8)[0])
    assert explorer.grid == (25, 25)


def test_the_tensors_given_come_back_in_their_precision(photos):
    explorer = PatchExplorer(photos["coffee"].double(), patch_size=56)
    assert torch.equal(explorer.vector, patchify(photos["coffee"].double()[None], 56)[0, explorer.selected])


def test_shuffling_keeps_each_vector(explorer):
    before = explorer.vector
    explorer.shuffled = True
    assert torch.equal(explorer.vector, before)
    assert sorted(explorer.order.tolist()) == list(range(49))
    assert explorer.order.tolist() != list(range(49))


def test_the_still_picture_is_of_the_shuffled_sequence(small):
    plain = small.picture()
    small.shuffled = True
    image = unpatchify(small.patches[small.order][None], small.grid, channels=3)[0]
    merged = merge_patches(small.patches[small.order][None], (48, 64), 16, stride=16)[0]
    torch.testing.assert_close(merged, image)
    assert small.picture().tobytes() != plain.tobytes()
    assert "shuffled" in small.alt()


REFUSED = [
    ("explorer", "patch_size", 30, "patch_size 30 does not divide"),
    ("explorer", "patch_size", 0, "patch_size 0 does not divide"),
    ("explorer", "patch_size", 2, "at most 4096 patches, got N = 112 × 112"),
    ("explorer", "stride", 33, "every 33 pixels do not tile"),
    ("explorer", "stride", 5, "every 5 pixels do not tile"),
    ("explorer", "stride", 0, "every 0 pixels do not tile"),
    ("explorer", "selected", 49, "one of the patches 0 … 48, got 49"),
    ("explorer", "selected", -1, "one of the patches 0 … 48, got -1"),
    ("explorer", "photo", "nobody", "'nobody' is not among"),
    ("explorer", "patch_size", "32", "expected an int"),
    ("explorer", "shuffled", None, "expected a boolean"),
    ("explorer", "photos", {}, "photos must hold 'astronaut', the one shown, got []"),
    ("explorer", "photos", {"coffee": ""}, "photos must hold 'astronaut', the one shown, got ['coffee']"),
    ("explorer", "photos", {"astronaut": "no picture"}, "the photograph 'astronaut' must be a picture as base64 text"),
    ("explorer", "photos", {"astronaut": None}, "the photograph 'astronaut' must be a picture as base64 text"),
    ("looking", "grid", (8, 8), "the grid must stay (16, 16), got (8, 8)"),
    ("looking", "photo", "nobody", "'nobody' is not among"),
    ("looking", "photos", {"astronaut": "no picture"}, "must be a picture as base64 text"),
    ("looking", "shifted", None, "expected a boolean"),
    ("looking", "window_size", "4", "expected an int"),
    ("comparing", "patch_size", 8, "patch_size must stay as it is"),
    ("comparing", "labels", {"mosaic": [0] * 256}, "labels must stay as it is"),
    ("comparing", "photos", {"mosaic": base.encode_photo(torch.zeros(3, 256, 256))}, "its labels belong to it"),
    ("comparing", "gain", "1", "expected a float"),
    ("comparing", "feature", 3, "expected a unicode string"),
    ("tying", "patch_size", 8, "patch_size must stay as it is"),
    ("tying", "draws", [0.5] * 80, "draws must stay as they are"),
    ("tying", "photos", {"mosaic": base.encode_photo(torch.zeros(3, 256, 256))}, "its labels belong to it"),
    ("tying", "bandwidth", "1", "expected a float"),
    ("tying", "k", 2.5, "expected an int"),
    ("guessing", "patch_size", 8, "patch_size must stay as it is"),
    ("guessing", "learned", {}, "learned must stay as it is"),
    ("guessing", "photos", {"mosaic": base.encode_photo(torch.zeros(3, 256, 256))}, "its labels belong to it"),
    ("guessing", "marked", 5, "expected a list"),
    ("guessing", "revealed", None, "expected a boolean"),
    ("asking", "scenes", {}, "scenes must stay ['mosaic', 'digit'], got []"),
    ("asking", "query", "1", "expected an int"),
    ("asking", "model", ["trained"], "expected a unicode string"),
    ("asking", "scene", ["mosaic"], "expected a unicode string"),
    ("answering", "scenes", {}, "scenes must stay as it is"),
    ("answering", "question", "left", "question must stay as it is"),
    ("answering", "selected", 2.5, "expected an int"),
    ("answering", "network", None, "expected a unicode string"),
]
# What the settings and the arguments refuse in the same words.
REFUSED_IN_BOTH_WAYS = [
    ("asking", "scene", "nowhere", "scene 'nowhere' is not among ['mosaic', 'digit']"),
    ("asking", "model", "half", "model 'half' is not among ['untrained', 'trained']"),
    ("asking", "block", 1, "block must be one of 0 … 0, got 1"),
    ("asking", "head", 4, "head must be one of 0 … 3, got 4"),
    ("asking", "head", -1, "head must be a whole number of at least 0, got -1"),
    ("asking", "query", 256, "query must be one of 0 … 255, got 256"),
    ("asking", "temperature", 0.0, "temperature must lie in 0.0625 … 16, got 0.0"),
    ("asking", "temperature", float("nan"), "temperature must be a finite number, got nan"),
    ("asking", "temperature", 17, "temperature must lie in 0.0625 … 16, got 17"),
    ("looking", "window_size", 5, "window_size must be one of [2, 4, 8] for the grid (16, 16), got 5"),
    ("looking", "window_size", 16, "window_size must be one of [2, 4, 8]"),
    ("looking", "window_size", 0, "window_size must be one of [2, 4, 8]"),
    ("looking", "shift", 4, "shift must be one of 0 … 3, got 4"),
    ("looking", "shift", -1, "shift must be a whole number of at least 0, got -1"),
    (
        "looking",
        "step",
        "rolled",
        "step must be one of ['tokens', 'shift', 'windows', 'mask', 'unshift'], got 'rolled'",
    ),
    ("looking", "selected", 256, "selected must be one of 0 … 255, got 256"),
    ("looking", "selected", -1, "selected must be a whole number of at least 0, got -1"),
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
    ("comparing", "selected", -1, "selected must be a whole number of at least 0, got -1"),
    ("tying", "feature", "color", "feature must be one of ['pixels', 'mean color', 'gradient energy', 'spectrum']"),
    ("tying", "graph", "complete", "graph must be one of ['nearest', 'grid', 'radius'], got 'complete'"),
    ("tying", "view", "edges", "view must be one of ['degrees', 'pattern', 'clusters', 'diffusion'], got 'edges'"),
    ("tying", "k", 0, "k must lie in 1 … 15, got 0"),
    ("tying", "k", 16, "k must lie in 1 … 15, got 16"),
    ("tying", "radius", 0.5, "radius must lie in 1 … 4, got 0.5"),
    ("tying", "radius", float("nan"), "radius must be a finite number, got nan"),
    ("tying", "bandwidth", 0.0, "bandwidth must lie in 0.25 … 4, got 0"),
    ("tying", "bandwidth", float("inf"), "bandwidth must be a finite number, got inf"),
    ("tying", "pattern", 13, "pattern must lie in 1 … 12, got 13"),
    ("tying", "clusters", 1, "clusters must lie in 2 … 8, got 1"),
    ("tying", "steps", 3, "steps must be one of [0, 1, 2, 4, 8, 16, 32, 64, 128, 256], got 3"),
    ("tying", "steps", -1, "steps must be a whole number of at least 0, got -1"),
    ("tying", "selected", 256, "selected must lie in 0 … 255, got 256"),
    ("tying", "selected", -1, "selected must lie in 0 … 255, got -1"),
    ("guessing", "selected", 256, "selected must be one of 0 … 255, got 256"),
    ("guessing", "selected", -1, "selected must be a whole number of at least 0, got -1"),
    ("guessing", "marked", [3, 256], "a marked patch must be one of 0 … 255, got 256"),
    ("guessing", "marked", [1.5], "a marked patch must be a whole number of at least 0, got 1.5"),
    ("convolving", "boundary", "replicate", "boundary must be one of ['zero', 'circular'], got 'replicate'"),
    ("convolving", "selected", 2304, "selected must be one of 0 … 2303, got 2304"),
    ("convolving", "selected", -1, "selected must be a whole number of at least 0, got -1"),
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
    ("answering", "scene", -1, "scene must be a whole number of at least 0, got -1"),
    ("answering", "scene", 2**32, "scene must be one of 0 … 4294967295, got 4294967296"),
    ("answering", "network", "global", "network must be one of ['own', 'convolution', 'grid', 'knn'], got 'global'"),
    ("answering", "view", "map", "view must be one of ['right', 'answers', 'steps'], got 'map'"),
    ("answering", "selected", 144, "selected must be one of 0 … 143, got 144"),
    ("answering", "selected", -1, "selected must be a whole number of at least 0, got -1"),
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
    ("options", "message"),
    [
        ({"patch_size": 30}, "patch_size 30 does not divide"),
        ({"stride": 64}, "every 64 pixels"),
        ({"stride": 0}, "stride must be a whole number of at least 1, got 0"),
        ({"stride": "16"}, "stride must be a whole number of at least 1, got '16'"),
        ({"patch_size": "32"}, "patch_size must be a whole number of at least 1, got '32'"),
        ({"patch_size": None}, "patch_size must be a whole number of at least 1, got None"),
        ({"photo": "nobody"}, "'nobody' is not among"),
    ],
)
def test_bad_arguments_are_named(photos, options, message):
    with pytest.raises(ValueError, match=message):
        PatchExplorer(photos, **options)


def test_bad_images_are_named():
    with pytest.raises(ValueError, match="not among the images"):
        PatchExplorer({})
    with pytest.raises(ValueError, match=r"tensor \(3, H, W\)"):
        PatchExplorer(torch.zeros(224, 224, 3))
    with pytest.raises(ValueError, match=r"^an image must be a tensor \(3, H, W\), got list$"):
        PatchExplorer([torch.zeros(3, 64, 64)])
    with pytest.raises(traitlets.TraitError, match="selected must be one of"):
        PatchExplorer(torch.zeros(3, 64, 64), selected=4)


def test_the_choice_stays_at_its_place_when_the_cut_changes(explorer):
    explorer.selected = 17  # row 2, column 3 of 7 × 7: rows 4 and 5, columns 6 and 7 of 14 × 14
    explorer.patch_size = 16
    assert explorer.selected in {row * 14 + column for row in (4, 5) for column in (6, 7)}
    explorer.patch_size = 32
    assert explorer.selected == 17
    explorer.stride = 16
    assert explorer.selected == 4 * 13 + 6


def test_a_stride_that_no_longer_fits_gives_way(explorer):
    explorer.stride = 16
    explorer.patch_size = 8
    assert (explorer.patch_size, explorer.stride) == (8, None)


def test_a_photo_of_another_size_takes_the_nearest_patch_size():
    images = {"wide": torch.zeros(3, 96, 128), "odd": torch.zeros(3, 60, 90)}
    explorer = PatchExplorer(images, patch_size=32)
    explorer.photo = "odd"
    assert (explorer.patch_size, explorer.grid) == (30, (2, 3))


def test_a_change_from_the_page_is_taken_as_it_is(explorer):
    explorer.patch_size = 16
    explorer.selected = 17
    explorer.set_state({"patch_size": 32})  # Reset: the choice, 17, is meant in the new cut
    assert (explorer.patch_size, explorer.selected) == (32, 17)
    explorer.set_state({"patch_size": 8, "stride": 4, "selected": 3000, "shuffled": True})
    assert (explorer.grid, explorer.selected, explorer.shuffled) == ((55, 55), 3000, True)


def test_an_impossible_change_from_the_page_is_refused_whole(explorer):
    before = repr(explorer)
    with pytest.raises(traitlets.TraitError):
        explorer.set_state({"patch_size": 16, "selected": 4000})
    assert repr(explorer) == before


def test_a_readers_own_photo_arrives_as_a_tensor(explorer):
    own = torch.rand(3, 224, 224).round()
    explorer.set_state({"photos": {**explorer.photos, "your photo": base.encode_photo(own)}, "photo": "your photo"})
    assert explorer.image.shape == own.shape
    assert torch.equal(explorer.image, base.decode_photo(explorer.photos["your photo"]))
    assert explorer.vector.shape == (3072,)


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
    ],
    indirect=["fresh"],
)
def test_an_explorer_links_to_another_widget(fresh, name, first, then):
    slider = IntSlider(min=0, max=48, value=first)
    link((slider, "value"), (fresh, name))
    assert getattr(fresh, name) == first
    setattr(fresh, name, then)
    assert slider.value == then


# the formulas that also stand in math.mjs


def test_a_shuffled_order_is_a_permutation_and_far_from_the_identity():
    for number in (1, 2, 49, 3136):
        order = shuffled_order(number)
        assert sorted(order) == list(range(number))
    assert sum(place == patch for place, patch in enumerate(order)) < 10


def test_same_place_is_the_identity_on_one_cut_and_within_any_other():
    chance = random.Random(0)
    cuts = [((224, 224), 32, 32), ((224, 224), 32, 8), ((96, 160), 16, 8), ((224, 112), 7, 7), ((224, 224), 224, 224)]
    for before in cuts:
        number = patch_grid(*before)[0] * patch_grid(*before)[1]
        assert all(same_place(index, before, before) == index for index in range(number))
        for after in cuts:
            rows, columns = patch_grid(*after)
            assert 0 <= same_place(chance.randrange(number), before, after) < rows * columns


# attention: who answers


def expected_rows(scene, model, block, temperature):
    queries, keys = scene.queries[model][block], scene.keys[model][block]
    logits = queries.double() @ keys.double().mT / queries.shape[-1] ** 0.5 / temperature
    return logits.softmax(-1)


@pytest.mark.parametrize("name", ["mosaic", "digit"])
@pytest.mark.parametrize("model", [None, "untrained", "trained"])
def test_the_answers_are_the_softmax_of_the_settings(scenes, name, model, rng):
    scene = scenes[name]
    blocks, heads, tokens, _ = scene.queries["trained"].shape
    block, head, query = rng.randrange(blocks), rng.choice([None, *range(heads)]), rng.randrange(tokens)
    temperature = 2 ** rng.uniform(-4, 4)
    explorer = AttentionExplorer(
        scenes, scene=name, model=model, block=block, head=head, query=query, temperature=temperature
    )
    rows = expected_rows(scene, model or "trained", block, temperature)
    rows = rows.mean(0) if head is None else rows[head]
    torch.testing.assert_close(explorer.relation.double(), rows, atol=1e-5, rtol=1e-3)
    torch.testing.assert_close(explorer.weights.double(), rows[query], atol=1e-5, rtol=1e-3)
    entropy = -(rows[query] * rows[query].clamp(min=1e-300).log()).sum()
    torch.testing.assert_close(explorer.entropy.double(), entropy, atol=1e-4, rtol=1e-3)
    assert explorer.entropy.shape == ()


def test_the_answers_are_the_librarys(asking, scenes):
    queries, keys = scenes["mosaic"].queries["trained"], scenes["mosaic"].keys["trained"]
    torch.testing.assert_close(asking.relation, attention_weights(queries, keys)[0].mean(0))
    asking.temperature = 1 / 8**0.5  # no scaling
    torch.testing.assert_close(asking.relation, attention_weights(queries, keys, scale=1.0)[0].mean(0))


def test_the_region_mass_is_that_of_the_row(asking, scenes):
    labels = scenes["mosaic"].labels
    mass, chance = asking.region_mass
    row = torch.zeros(256, 256).index_copy(0, torch.tensor([asking.query]), asking.weights[None])
    assert (mass, chance) == region_mass(row, labels)
    others = torch.arange(256) != asking.query
    same = labels[others] == labels[asking.query]
    by_hand = asking.weights[others][same].sum() / asking.weights[others].sum()
    torch.testing.assert_close(mass, by_hand)
    torch.testing.assert_close(chance, same.float().mean())


def tiny(labels=None, tokens=4, **parts):
    qk = {"m": torch.randn(1, 1, tokens, 2)}
    return Scene(**{"image": torch.rand(3, 8, 8), "grid": (2, 2), "queries": qk, "keys": qk, "labels": labels, **parts})


def named(model):
    """A scene whose only model has this name."""
    qk = {model: torch.zeros(1, 1, 4, 2)}
    return tiny(queries=qk, keys=qk)


@pytest.mark.parametrize(
    ("labels", "tokens", "query"),
    [
        (None, 4, 0),  # no regions
        ([0, 0, 1, 1], 5, 0),  # the class token
        ([0, 1, 1, 1], 4, 0),  # alone in its region
        ([0, 0, 0, 0], 4, 1),  # one region
    ],
)
def test_where_no_region_is_there_is_no_mass(labels, tokens, query):
    labels = None if labels is None else torch.tensor(labels)
    explorer = AttentionExplorer({"s": tiny(labels, tokens)}, query=query)
    assert explorer.region_mass is None
    assert "region" not in explorer.alt()
    assert explorer.picture().size[0] == 740


def test_the_mass_of_a_patch_leaves_the_class_token_out():
    labels = torch.tensor([0, 0, 1, 1])
    explorer = AttentionExplorer({"s": tiny(labels, 5)}, query=1)
    row = explorer.weights[1:]
    torch.testing.assert_close(explorer.region_mass[0], row[1] / row[1:].sum())
    torch.testing.assert_close(explorer.region_mass[1], torch.tensor(1 / 3))


# attention: settings


def test_the_first_query_is_deep_inside_a_region(asking, scenes):
    row, column = divmod(asking.query, 16)
    labels = scenes["mosaic"].labels.view(16, 16)
    around = labels[row - 2 : row + 3, column - 2 : column + 3]
    assert around.shape == (5, 5)
    assert (around == labels[row, column]).all()
    asking.scene = "digit"
    assert asking.query == 0
    assert AttentionExplorer({"s": tiny()}).query == 3


def test_a_new_scene_keeps_what_it_can(asking):
    asking.head, asking.temperature, asking.model = 3, 2.0, "untrained"
    asking.scene = "digit"
    asking.block, asking.query = 2, 16
    assert repr(asking).endswith("(block=2, head=3, model='untrained', query=16, scene='digit', temperature=2.0)")
    asking.scene = "mosaic"
    assert (asking.block, asking.head, asking.model) == (0, 3, "untrained")
    assert asking.weights.shape == (256,)


def test_a_scene_with_other_models_shows_all(scenes):
    explorer = AttentionExplorer({**scenes, "other": tiny()}, model="trained")
    explorer.scene = "other"
    assert explorer.model is None


@pytest.mark.parametrize(("name", "value"), [("query", "1"), ("model", ["trained"]), ("scene", ["mosaic"])])
def test_arguments_of_another_kind_are_named(scenes, name, value):
    with pytest.raises(ValueError, match=name):
        AttentionExplorer(scenes, **{name: value})


def test_a_change_of_scene_from_the_page_is_taken_as_it_is(asking):
    asking.set_state({"scene": "digit", "query": 5, "block": 2})
    assert (asking.scene, asking.query, asking.block, asking.weights.shape) == ("digit", 5, 2, (17,))
    before = repr(asking)
    with pytest.raises(traitlets.TraitError):
        asking.set_state({"scene": "mosaic", "query": 300})
    assert repr(asking) == before


@pytest.mark.parametrize(
    ("scene", "message"),
    [
        (torch.zeros(3, 8, 8), "scene 's' must be a Scene, got Tensor"),
        (tiny(image=torch.rand(2, 8, 8)), "must have 1 or 3 channels, got 2"),
        (tiny(image=torch.rand(8, 8)), "the image of scene 's' must have shape (C, H, W), got (8, 8)"),
        (tiny(image=torch.full((1, 8, 8), 2.0)), "an image must lie in [0, 1]"),
        (tiny(grid=(2, 0)), "grid (rows, columns) must be a whole number of at least 1, got 0"),
        (tiny(grid=4), "grid must be a pair"),
        (tiny(tokens=3), "scene 's' has 3 tokens, fewer than the 2 × 2 patches of its grid"),
        (tiny(queries={}), "needs queries and keys of the same models, got [] and ['m']"),
        (tiny(keys={"n": torch.zeros(1, 1, 4, 2)}), "of the same models, got ['m'] and ['n']"),
        (tiny(keys=torch.zeros(1, 1, 4, 2)), "of the same models, got ['m'] and Tensor"),
        (named(1), "the name of a model of scene 's' must be text, got 1"),
        (named(""), "the name of a model of scene 's' must be text, got ''"),
        (tiny(keys={"m": torch.zeros(1, 1, 4, 3)}), "one shape, got [(1, 1, 4, 2), (1, 1, 4, 3)]"),
        (tiny(keys={"m": torch.zeros(4, 2)}), "in scene 's' must have shape (blocks, heads, T, d), got (4, 2)"),
        (tiny(keys={"m": torch.zeros(1, 0, 4, 2)}), "must not be empty"),
        (tiny(keys={"m": torch.full((1, 1, 4, 2), torch.nan)}), "must be finite, found 8 numbers that are not"),
        (tiny(keys={"m": torch.zeros(1, 1, 4, 2).long()}), "must hold floating-point numbers, got torch.int64"),
        (tiny(keys={"m": torch.zeros(1, 1, 4, 2).double()}), "dtypes differ"),
        (tiny(torch.zeros(3).long()), "labels of scene 's' must have shape (4,), got (3,)"),
        (tiny(torch.zeros(4)), "labels of scene 's' must be whole numbers, got torch.float32"),
    ],
)  # fmt: skip
def test_a_scene_that_does_not_fit_is_named(scene, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        AttentionExplorer({"s": scene})


@pytest.mark.parametrize("name", [1, "", None])
def test_the_name_of_a_scene_is_text(name):
    with pytest.raises(ValueError, match=f"the name of a scene must be text, got {name!r}"):
        AttentionExplorer({name: tiny()})


def test_a_temperature_of_any_kind():
    assert AttentionExplorer({"s": tiny()}, temperature=np.float32(2)).temperature == 2.0


@pytest.mark.parametrize("scenes", [{}, [tiny()], None])
def test_scenes_come_by_name(scenes):
    with pytest.raises(ValueError, match="scenes must be a dict of Scene by name, not empty; got"):
        AttentionExplorer(scenes)


# attention: what the page gets


def decoded(code):
    text = "".join(f"{byte:08b}" for byte in base64.b64decode(code["data"]))
    count, bits = torch.Size(code["shape"]).numel(), code["bits"]
    levels = torch.tensor([int(text[at * bits : (at + 1) * bits], 2) for at in range(count)])
    return (code["low"] + levels / (2**bits - 1) * (code["high"] - code["low"])).view(code["shape"])


@pytest.mark.parametrize("name", ["mosaic", "digit"])
def test_the_pages_weights_are_true(asking, scenes, name):
    """Rounded to 12 bits, a weight is off by 0.003 at most, at the usual scale."""
    for model in ("untrained", "trained"):
        parts = asking.scenes[name]["models"][model]
        queries, keys = (decoded(parts[part][0][1]) for part in ("queries", "keys"))
        rounded = (queries @ keys.mT / queries.shape[-1] ** 0.5).softmax(-1)
        assert (rounded - expected_rows(scenes[name], model, 0, 1)[1]).abs().max() < 0.003


def test_numbers_are_rounded_more_where_the_page_would_be_too_large(scenes):
    mosaic = scenes["mosaic"]
    larger = {"queries": {}, "keys": {}}
    for part, models in larger.items():
        models |= {name: each.repeat(1, 1, 1, 3)[..., :20] for name, each in getattr(mosaic, part).items()}
    explorer = AttentionExplorer({"mosaic": mosaic._replace(**larger)})
    bits = explorer.scenes["mosaic"]["models"]["trained"]["keys"][0][0]["bits"]
    assert 8 <= bits < 12
    assert len(json.dumps(explorer.state())) <= base.STATE_LIMIT
    largest = {part: {name: each.repeat(2, 2, 1, 1) for name, each in larger[part].items()} for part in larger}
    with pytest.raises(ValueError, match=r"more than 150000: use smaller images, or fewer blocks, heads or dimensions"):
        AttentionExplorer({"mosaic": mosaic._replace(**largest)})


def test_a_small_picture_stays_exact(asking, scenes):
    code = asking.scenes["digit"]
    with Image.open(io.BytesIO(base64.b64decode(code["picture"]))) as picture:
        levels = torch.tensor(list(picture.convert("L").tobytes())).view(8, 8)
    assert code["crisp"]
    assert not asking.scenes["mosaic"]["crisp"]
    assert (levels / 255 - scenes["digit"].image[0]).abs().max() <= 0.501 / 255


@pytest.mark.parametrize("setting", [{"query": 3}, {"head": 1}, {"temperature": 0.25}, {"scene": "digit"}])
def test_the_still_picture_follows_the_settings(asking, setting):
    before, words = asking.picture().tobytes(), asking.alt()
    for name, value in setting.items():
        setattr(asking, name, value)
    assert asking.picture().tobytes() != before
    assert asking.alt() != words


def test_the_words_hold_the_numbers(asking):
    mass, chance = asking.region_mass
    spread, largest = asking.entropy.exp(), asking.weights.max()
    told = f"Trained: {mass:.0%} in its region, chance {chance:.0%}, as if spread over {spread:.0f} of 256, largest"
    assert f"{told} weight {largest:.2g}." in asking.alt()
    asking.scene = "digit"
    assert asking.alt().startswith("Attention of the class token over the picture “digit” as heat, block 0")


def test_registers_are_named_and_drawn():
    explorer = AttentionExplorer({"s": tiny(tokens=7)}, query=2)
    assert "register 2" in explorer.alt()
    assert explorer.picture().size[0] == 740


# windows: who may answer, who is heard


@pytest.fixture(params=range(6))
def windows(request, rng):
    """An explorer of random settings that fit."""
    grid = rng.choice([(16, 16), (8, 12), (12, 6), (14, 14), (20, 30)])
    size = rng.choice(window_sizes(grid))
    settings = {"shift": rng.randrange(size), "selected": rng.randrange(grid[0] * grid[1]), "blocks": rng.randint(0, 8)}
    image = torch.rand(3, 48, 60)
    return WindowExplorer(
        image, grid=grid, window_size=size, shifted=rng.random() < 0.5, merging=rng.random() < 0.5, **settings
    )


def test_the_answers_are_those_of_the_window_that_were_neighbors(windows):
    relation = window_relation(windows.grid, windows.window_size, shift=windows.shift)
    assert torch.equal(windows.relation, relation)
    assert torch.equal(windows.answers, relation[windows.selected])
    place = windows.tokens.tolist().index(windows.selected)
    assert torch.equal(windows.tokens[windows.mask[place]].sort().values, windows.answers.nonzero().flatten())
    assert torch.equal(windows.mask, relation[windows.tokens][:, windows.tokens])
    row, column = (
        (at - windows.shift) % length // windows.window_size
        for at, length in zip(divmod(windows.selected, windows.grid[1]), windows.grid, strict=True)
    )
    assert windows.window == row * (windows.grid[1] // windows.window_size) + column


def test_what_is_heard_is_a_row_of_the_reach(windows):
    grid, layers = windows.grid, [torch.eye(windows.grid[0] * windows.grid[1], dtype=torch.bool)]
    row, column = divmod(windows.selected, grid[1])
    for block in range(windows.blocks):
        if windows.merging and block in (2, 4, 6):
            layers.append(merging_relation(grid))
            grid, row, column = tuple(-(-length // 2) for length in grid), row // 2, column // 2
        shift = windows.shift if windows.shifted and block % 2 else 0
        layers.append(window_relation(grid, windows.window_size, shift=shift))
    assert torch.equal(windows.heard, reach(layers)[row * grid[1] + column])


def test_the_costs_are_the_librarys(windows):
    whole, parts = windows.costs
    assert whole == attention_cost(windows.grid, 96)
    assert parts == attention_cost(windows.grid, 96, window_size=windows.window_size)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"grid": (7, 7)}, "the grid must be a multiple of a smaller window along both sides, got (7, 7)"),
        ({"grid": (66, 8)}, "at most 64 tokens along a side, got a grid (66, 8)"),
        ({"grid": 16}, "grid must be a pair (rows, columns), got 16"),
        ({"grid": (0, 8)}, "must be a whole number of at least 1, got 0"),
        ({"window_size": 2, "shift": 2}, "shift must be one of 0 … 1, got 2"),
        ({"window_size": None}, "window_size must be a whole number of at least 0, got None"),
        ({"window_size": "4"}, "window_size must be a whole number of at least 0, got '4'"),
        ({"selected": 1.0}, "selected must be a whole number of at least 0, got 1.0"),
        ({"step": ["mask"]}, "step must be one of"),
        ({"photo": "nobody"}, "'nobody' is not among"),
    ],
)
def test_bad_arguments_for_windows_are_named(photos, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        WindowExplorer(photos["coffee"], **options)


@pytest.mark.parametrize(("size", "shift"), [(2, 1), (8, 2), (4, 2)])
def test_a_shift_that_no_longer_fits_becomes_half_a_window(looking, size, shift):
    looking.window_size = size
    assert looking.shift == shift


def test_a_change_of_windows_from_the_page_is_taken_as_it_is(looking):
    looking.set_state({"window_size": 8, "shift": 7, "selected": 255, "step": "unshift"})
    assert (looking.window_size, looking.shift, looking.selected, looking.step) == (8, 7, 255, "unshift")
    with pytest.raises(traitlets.TraitError):
        looking.set_state({"window_size": 2, "shift": 5})
    assert (looking.window_size, looking.shift) == (8, 7)


def test_the_first_query_comes_round_to_the_last_window(looking):
    assert looking.window == 15
    assert divmod(looking.selected, 16) == (14, 0)
    assert {0, 15, 240, 255} <= set(looking.tokens.tolist())  # the four corners of the picture
    assert looking.mask.unique(dim=0).sum(1).tolist() == [4, 4, 4, 4]


def test_every_step_has_its_picture_and_its_words(looking):
    shown = {}
    for step in STEPS:
        looking.step = step
        shown[step] = (looking.picture().tobytes(), looking.alt())
    assert len({picture for picture, _ in shown.values()}) == len({words for _, words in shown.values()}) == 5


@pytest.mark.parametrize("shape", [(48, 60), (60, 48), (64, 64)])
def test_the_still_picture_of_windows_takes_any_shape(shape, windows):
    explorer = WindowExplorer(torch.rand(3, *shape), grid=windows.grid, window_size=windows.window_size)
    picture = explorer.picture()
    assert picture.width == 740
    assert picture.height < 800


@pytest.mark.parametrize("largest", [(64, 64), (4, 64)])
def test_the_largest_grids_answer(largest):
    explorer = WindowExplorer(torch.rand(3, 64, 64), grid=largest, window_size=2, shift=1, blocks=8)
    assert 4 < explorer.heard.sum() < len(explorer.heard)
    assert explorer.picture().width == 740


# convolution: a kernel, its relation, its field


@pytest.fixture(params=range(6))
def kernels(request, rng):
    """An explorer of random settings that fit."""
    size, grid = rng.choice(KERNEL_SIZES), (rng.randint(8, 14), rng.randint(8, 14))
    kernel = torch.randn(size, size)
    settings = {"boundary": BOUNDARIES[request.param % 2], "selected": rng.randrange(grid[0] * grid[1])}
    settings |= {"layers": rng.randint(1, 4), "stride": [rng.randint(1, 2) for _ in range(4)]}
    return ConvolutionExplorer(torch.rand(3, *grid), kernel=kernel, dilation=rng.choice(DILATIONS), **settings)


def test_the_relation_is_the_sum_of_shifts(kernels):
    shifts, weights = convolution_as_attention(kernels.weight, kernels.grid, boundary=kernels.boundary)
    expected = (shifts * weights).sum(0)
    torch.testing.assert_close(kernels.relation.to_dense(), expected)
    torch.testing.assert_close(kernels.row, expected[kernels.selected])
    torch.testing.assert_close(kernels.result.flatten(), expected @ kernels.pixels.flatten())


def test_the_products_add_up_to_the_answer(kernels):
    torch.testing.assert_close(kernels.products, kernels.neighborhood * torch.tensor(kernels.kernel).double())
    torch.testing.assert_close(kernels.products.sum(), kernels.result.flatten()[kernels.selected])


def averages(explorer):
    """A network of averages with the explorer's layers, each input padded by nothing."""
    layers = []
    for layer in range(explorer.layers):
        dilation = 2**layer if explorer.dilation == "doubling" else explorer.dilation
        size, stride = len(explorer.kernel), explorer.stride[layer]
        layers.append(nn.Conv2d(1, 1, size, stride=stride, dilation=dilation, bias=False, dtype=torch.float64))
        nn.init.constant_(layers[-1].weight, 1 / size**2)
    return nn.Sequential(*layers)


def test_the_influence_is_the_gradient_of_averages(kernels):
    """The field measured on a picture as large as the field itself: one output."""
    kernels.layers = min(kernels.layers, 3)
    size = kernels.field[0]
    measured = effective_receptive_field(averages(kernels), (size, size), channels=1)
    torch.testing.assert_close(kernels.influence[:, None] * kernels.influence, measured)
    center, held = size // 2, (kernels.width - 1) // 2
    inside = measured[center - held : center + held + 1, center - held : center + held + 1]
    assert inside.sum() >= 0.95 - 1e-9
    assert kernels.width == 1 or inside[1:-1, 1:-1].sum() < 0.95


def test_the_influence_is_the_expected_squared_gradient_of_random_weights():
    explorer = ConvolutionExplorer(torch.rand(3, 8, 8), layers=3, stride=[1, 2])
    draws, size, generator = 1500, explorer.field[0], torch.Generator().manual_seed(0)
    images = torch.zeros(draws, size, size, dtype=torch.float64, requires_grad=True)
    found = images
    for layer in averages(explorer):
        weights = torch.randn(draws, *layer.weight.shape[1:], generator=generator, dtype=torch.float64)
        found = functional.conv2d(found, weights, stride=layer.stride, dilation=layer.dilation, groups=draws)
    squares = torch.autograd.grad(found.sum(), images)[0].square().sum(0)
    expected = explorer.influence[:, None] * explorer.influence
    assert (squares / squares.sum() - expected).abs().max() < 0.2 * expected.max()


def test_the_field_is_the_librarys(kernels):
    layers = [(each.kernel_size[0], each.stride[0], 0, each.dilation[0]) for each in averages(kernels)]
    assert kernels.field == receptive_field(layers)[:2]
    assert kernels.field[0] == len(kernels.influence)
    assert kernels.influence.sum() == pytest.approx(1)


@pytest.mark.parametrize("size", KERNEL_SIZES)
def test_kernels_by_name(size, convolving):
    sums = {"identity": 1, "mean": 1, "Gaussian": 1, "sharpen": 1, "shift by one": 1}
    for name in presets(size):
        weights = torch.tensor(preset(name, size))
        assert weights.shape == (size, size)
        assert weights.sum() == pytest.approx(sums.get(name, 0), abs=1e-6)
        convolving.kernel = preset(name, size)
        assert f"“{name}”" in convolving.alt()
    assert presets(size) == (list(PRESETS) if size > 1 else ["identity"])


@pytest.mark.parametrize(("name", "size"), [("nothing", 3), ("mean", 1), ("mean", 7), ("identity", 2), ("mean", None)])
def test_a_kernel_that_has_no_name_is_told(name, size):
    with pytest.raises(
        ValueError, match=re.escape(f"no kernel {name!r} of size {size}; for 3 and 5 there are identity")
    ):
        preset(name, size)


def test_kernels_answer_as_their_names_say():
    image = load_image("astronaut", size=32)
    found = {name: ConvolutionExplorer(image, kernel=name, boundary="circular") for name in PRESETS}
    pixels = found["identity"].pixels
    torch.testing.assert_close(found["identity"].result, pixels)
    torch.testing.assert_close(found["shift by one"].result, pixels.roll(-1, 1))
    torch.testing.assert_close(found["sharpen"].result, pixels - found["Laplacian"].result)
    down, right = found["edge top–bottom"], found["edge left–right"]
    assert down.weight.equal(right.weight.transpose(2, 3))
    assert down.weight[0, 0, -1].tolist() == [1.0] * 3  # below minus above: brighter below is positive


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernel": "blur"}, "no kernel 'blur' of size 3"),
        ({"kernel": None}, "K rows of K weights"),
        ({"kernel": torch.zeros(3)}, "K rows of K weights"),
        ({"stride": "2"}, "stride must be 1, 2 or a list"),
        ({"stride": True}, "stride must be a whole number of at least 1, got True"),
        ({"stride": 3}, "stride must be 1 or 2"),
        ({"selected": 1.0}, "selected must be a whole number"),
        ({"photo": "nobody"}, "'nobody' is not among"),
    ],
)
def test_bad_arguments_for_convolution_are_named(convolving, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        ConvolutionExplorer(convolving.image, **options)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.rand(3, 7, 8), "8 to 64 pixels a side, got [(7, 8)]"),
        (torch.rand(3, 48, 65), "8 to 64 pixels a side, got [(48, 65)]"),
        ({"a": torch.rand(3, 8, 8), "b": torch.rand(3, 8, 9)}, "must have one size"),
        (torch.rand(1, 8, 8), "an image must be a tensor (3, H, W), got (1, 8, 8)"),
        (torch.rand(3, 8, 8) + 1, "an image must lie in [0, 1]"),
        ({}, "photo None is not among the images []"),
    ],
)
def test_bad_images_for_convolution_are_named(images, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        ConvolutionExplorer(images)


def test_a_stride_is_kept_for_every_layer(convolving):
    convolving.stride = [2, 1, 2]
    assert convolving.stride == [2, 1, 2, 1, 1, 1, 1, 1]
    assert ConvolutionExplorer(convolving.image, stride=2).stride == [2] * 8


def test_whole_numbers_of_numpy_are_kept_as_pythons(convolving):
    two = np.int64(2)
    explorer = ConvolutionExplorer(convolving.image, stride=two, dilation=two, layers=two, selected=two)
    assert {type(each) for each in (explorer.dilation, explorer.layers, explorer.selected, *explorer.stride)} == {int}
    assert explorer.field == (13, 4)


def test_the_pixels_are_those_of_the_page(convolving):
    """Gray without loss: 255 levels, as Pillow makes them, and the photograph itself comes back as it was given."""
    levels = (load_image("astronaut", size=48) * 255).round().byte().permute(1, 2, 0).numpy()
    gray = np.array(Image.fromarray(levels).convert("L"))
    assert np.array_equal((convolving.pixels * 255).round().numpy(), gray)
    assert torch.equal(convolving.image, load_image("astronaut", size=48))


def test_a_photograph_of_another_size_is_refused(convolving, photos):
    other = base.encode_photo(photos["coffee"])
    with pytest.raises(traitlets.TraitError, match=re.escape("'own' must keep the size (48, 48), got (224, 224)")):
        convolving.photos = {**convolving.photos, "own": other}
    with pytest.raises(traitlets.TraitError, match="must be a picture as base64 text"):
        convolving.photos = {**convolving.photos, "own": "nothing"}
    convolving.photos = {**convolving.photos, "own": base.encode_photo(load_image("coffee", size=48))}
    convolving.photo = "own"
    assert convolving.pixels.shape == (48, 48)


def test_a_change_of_the_kernel_from_the_page_is_taken_as_it_is(convolving):
    convolving.set_state({"kernel": [[2]], "stride": [2] * 8, "dilation": "doubling", "boundary": "circular"})
    assert convolving.kernel == [[2.0]]
    torch.testing.assert_close(convolving.result, 2 * convolving.pixels)
    assert convolving.field == (1, 256)


@pytest.mark.parametrize("shape", [(48, 60), (60, 48), (8, 64), (64, 64)])
def test_the_still_picture_of_a_kernel_takes_any_shape(shape, kernels):
    explorer = ConvolutionExplorer(torch.rand(3, *shape), kernel=kernels.kernel, boundary=kernels.boundary)
    assert explorer.picture().width == 740
    assert explorer.picture().height < 800
    assert ConvolutionExplorer(torch.zeros(3, *shape), kernel=[[0.0]]).picture().width == 740


@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea"])
def test_the_first_pixel_has_the_largest_answer_away_from_the_border(name):
    explorer = ConvolutionExplorer(load_image(name, size=48))
    row, column = divmod(explorer.selected, 48)
    assert explorer.result.abs()[row, column] == explorer.result[2:46, 2:46].abs().max()
    assert {row, column} <= set(range(2, 46))


# similarity: who is alike


SIMILARITIES = {
    "euclidean": lambda features: -squared_distances(features).sqrt(),
    "cosine": cosine_similarity,
    "correlation": correlation,
}


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("feature", FEATURES)
def test_relation_and_neighbors_are_the_librarys(comparing, mosaic, feature, metric, rng):
    gain, offset = rng.uniform(0.1, 2), rng.uniform(-0.5, 0.5)
    for name, value in {"feature": feature, "metric": metric, "gain": gain, "offset": offset}.items():
        setattr(comparing, name, value)
    pixels = (mosaic[0][0].double() * 255).round() / 255
    pixels[:, 128:] = gain * pixels[:, 128:] + offset
    torch.testing.assert_close(comparing.exposed, pixels)
    features = FEATURES[feature](patchify(pixels[None, None], 16)[0])
    torch.testing.assert_close(comparing.features, features)
    relation = SIMILARITIES[metric](features)
    torch.testing.assert_close(comparing.relation, relation, atol=1e-9, rtol=0)
    assert torch.equal(comparing.row, comparing.relation[comparing.selected])
    for found, expected in zip(comparing.neighbors, neighbor_similarity(features, (16, 16), metric), strict=True):
        assert torch.equal(found, expected)
    expected = mean_average_precision(relation.round(decimals=9), mosaic[1]).item()
    assert comparing.scores[feature][metric] == pytest.approx(expected)


def test_the_nearest_are_the_most_related_others(comparing):
    comparing.feature = "spectrum"
    others = [patch for patch in comparing.row.argsort(descending=True).tolist() if patch != comparing.selected]
    assert comparing.nearest.tolist() == others[:5]
    comparing.feature, comparing.metric = "mean color", "correlation"
    assert comparing.nearest.tolist() == []


def test_row_scores_average_to_scores(little):
    comparing = SimilarityExplorer(little, gain=0.7)
    for comparing.photo in ("coffee", "mosaic"):
        rows, features = [], [comparing._features("pixels", each) for each in (comparing.exposed, comparing.pixels)]
        for comparing.selected in range(64):
            rows.append(comparing._score_row(*features, "euclidean"))
        assert comparing.scores["pixels"]["euclidean"] == pytest.approx(sum(rows) / 64)
        assert comparing.row_scores["pixels"]["euclidean"] == rows[-1]
    same = torch.bincount(comparing.regions).double()
    assert comparing.chance == pytest.approx((same * (same - 1)).sum().item() / 64 / 63)


def test_edges_between_regions_are_scored_against_their_share(comparing, mosaic):
    comparing.mode, comparing.feature = "neighbors", "spectrum"
    labels = mosaic[1].view(16, 16)
    borders = torch.cat([(labels[:, 1:] != labels[:, :-1]).flatten(), (labels[1:] != labels[:-1]).flatten()])
    apart = torch.cat([part.flatten() for part in comparing.neighbors])
    order = borders[apart.argsort(descending=True)].double()
    by_hand = (order.cumsum(0) / torch.arange(1, 481) * order).sum() / order.sum()
    assert comparing.scores["spectrum"]["euclidean"] == pytest.approx(by_hand.item())
    assert comparing.chance == pytest.approx(borders.double().mean().item())
    assert comparing.row_scores == comparing.scores


def test_what_an_exposure_leaves_is_told_without_regions(comparing):
    comparing.photo = "coffee"
    for mode in ("patch", "neighbors"):
        comparing.mode, comparing.gain, comparing.offset = mode, 1, 0
        scores = [score for each in comparing.scores.values() for score in each.values()]
        assert scores == pytest.approx([1, 1, 1, 1, float("nan"), float("nan"), 1, 1, 1, 1, 1, 1], nan_ok=True)
        comparing.gain = 0.7
        pixels = comparing.scores["pixels"]
        assert pixels["cosine"] == pixels["correlation"] == 1 > pixels["euclidean"]
        comparing.offset = 0.2
        assert comparing.scores["pixels"]["correlation"] == 1 > comparing.scores["pixels"]["cosine"]


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.rand(3, 60, 64), "patches of 16 × 16 must cut the images of 60 × 64 pixels into 2 columns at least"),
        (torch.rand(3, 64, 16), "into 2 columns at least"),
        (torch.rand(3, 512, 512), "and 256 patches at most"),
        (torch.rand(2, 64, 64), "the image 'photo' must have 1 or 3 channels, got 2"),
        (torch.rand(64, 64), "the image 'photo' must have shape (C, H, W), got (64, 64)"),
        ((torch.rand(1, 64, 64),), "'photo' must be an image, or a pair of one and its labels, got 1 things"),
        ((torch.rand(1, 64, 64), torch.zeros(3).long()), "the labels of 'photo' must have shape (16,), got (3,)"),
        ((torch.rand(1, 64, 64), torch.zeros(16)), "the labels of 'photo' must be whole numbers"),
        ((torch.rand(1, 64, 64), torch.zeros(16).long()), "nothing to score"),
        ((torch.rand(1, 64, 64), torch.arange(16)), "nothing to score"),
        ({"a": torch.rand(3, 64, 64), "b": torch.rand(3, 32, 32)}, "the images must have one size, 8 to 512 pixels"),
        ({}, "not among the images"),
        (torch.full((3, 64, 64), 2.0), "an image must lie in [0, 1]"),
    ],
)
def test_what_similarity_can_not_show_is_named(images, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        SimilarityExplorer(images)


@pytest.mark.parametrize("patch_size", [0, 1, 2.5, None])
def test_patches_that_have_no_gradient_are_refused(patch_size):
    with pytest.raises(ValueError, match="patch_size must be a whole number of at least 2"):
        SimilarityExplorer(torch.rand(3, 64, 64), patch_size=patch_size)


def test_similaritys_own_photo_has_no_regions(comparing):
    own = base.encode_photo(torch.rand(3, 256, 256))
    comparing.set_state({"photos": {**comparing.photos, "your photo": own}, "photo": "your photo"})
    assert comparing.regions is None
    assert "at equal exposure" in comparing.alt()
    comparing.mode = "neighbors"
    comparing.gain = 0.5
    assert "gain 0.5, offset 0" in comparing.alt()
    assert comparing.picture().size[0] == 740


def test_similarity_computes_with_the_pages_numbers(comparing, mosaic):
    assert torch.equal(comparing.pixels, (mosaic[0][0].double() * 255).round() / 255)
    assert comparing.state()["labels"] == {"mosaic": mosaic[1].tolist()}


# graphs: who is tied to whom, and what follows


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
    assert torch.equal(tied.found, in_order(labels))
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


# relations: five answers and a guess


def by_hand(image):
    """The five relations in other words, from plain tensors."""
    spectra = patch_spectrum(patchify(image[None], 16)[0])
    rows, columns = image.shape[1] // 16, image.shape[2] // 16
    places = torch.cartesian_prod(torch.arange(rows), torch.arange(columns))
    steps = (places[:, None] - places).abs()
    z = (spectra - spectra.mean(0)) / spectra.std(0, correction=0)
    distances = torch.cdist(z, z)
    sigma = distances.flatten().sort().values[(distances.numel() - 1) // 2]
    known = learned()
    queries, keys = (((spectra - known["mean"]) / known["deviation"]) @ each for each in known["projections"])

    def attend(mask):
        logits = (queries @ keys.mT / 8**0.5).masked_fill(~mask, -torch.inf)
        return logits.softmax(-1).mean(0)

    within = [((places + off) // 4)[:, None].eq((places + off) // 4).all(-1) for off in (0, 2)]
    touching, near = (steps.amax(-1) <= 1).double(), (steps.square().sum(-1) <= 9).double()
    edges = near * (-(distances**2) / (2 * (0.25 * sigma) ** 2)).exp()
    walk, narrow = edges / edges.sum(1, keepdim=True), -(distances**2) / (2 * (0.15 * sigma) ** 2)
    return {
        "attention": attend(torch.ones_like(near).bool()),
        "windows": attend(within[1]) @ attend(within[0]),
        "convolution": (touching / touching.sum(1, keepdim=True)).matrix_power(8),
        "similarity": narrow.softmax(1),
        "graph": walk.matrix_power(64),
    }


@pytest.mark.parametrize("photo", ["mosaic", "coffee"])
def test_five_relations_are_those_of_their_chapters(guessing, photo):
    guessing.photo = photo
    expected = by_hand(guessing.pixels[None])
    assert list(guessing.relations) == list(expected) == list(NAMES)
    for name, relation in guessing.relations.items():
        assert relation.dtype == torch.float64
        torch.testing.assert_close(relation, expected[name], atol=1e-3 if name == "graph" else 1e-5, rtol=0)
        torch.testing.assert_close(relation.sum(1), torch.ones(256).double())
        assert torch.equal(guessing.rows[name], relation[guessing.selected])


def test_the_learned_attention_finds_regions_of_other_mosaics():
    """What ``book/train_attention.py`` stores, and the four that learn nothing, on ten mosaics they have not seen."""
    found = {name: [] for name in NAMES}
    for seed in range(10):
        image, labels = texture_mosaic(half="test", generator=torch.Generator().manual_seed(100 + seed))
        for name, relation in five_relations(image).items():
            found[name].append((same_region_auc(relation, labels), region_mass(relation, labels)[0]))
    auc = {name: torch.tensor(each).mean(0)[0].item() for name, each in found.items()}
    mass = {name: torch.tensor(each).mean(0)[1].item() for name, each in found.items()}
    assert min(auc["attention"], auc["graph"]) > 0.93
    assert auc["windows"] < auc["convolution"] < auc["similarity"] < 0.92
    assert min(mass["attention"], mass["windows"], mass["similarity"], mass["graph"]) > 0.8
    assert mass["convolution"] > 0.6


def test_scores_of_rows_average_to_the_librarys(guessing):
    rows = []
    for guessing.selected in range(0, 256, 51):
        scores = guessing.scores
        for name, row in guessing.rows.items():
            others = torch.arange(256) != guessing.selected
            own = (guessing.regions == guessing.regions[guessing.selected])[others]
            assert scores[name][0] == pytest.approx(roc_auc_score(own, row[others]))
            assert scores[name][1] == pytest.approx((row[others][own].sum() / row[others].sum()).item())
    relation, labels = torch.rand(30, 30).double().round(decimals=1), torch.randint(3, (30,))
    for own, row in enumerate(relation):
        others = torch.arange(30) != own
        rows.append(row_scores(row[others], (labels == labels[own])[others]))
    expected = same_region_auc(relation, labels).item(), region_mass(relation, labels)[0].item()
    assert torch.tensor(rows).nanmean(0).tolist() == pytest.approx(expected)
    relations = guessing.relations
    for name, scores in guessing.mean_scores.items():
        assert scores[0] == same_region_auc(relations[name], guessing.regions).item()


def test_a_guess_is_scored_like_a_relation(guessing):
    assert guessing.guess is None
    own = (guessing.regions == guessing.regions[124]).nonzero().flatten().tolist()
    guessing.marked = own
    assert guessing.guess == (1, 1)
    assert f". The guess of {len(own) - 1} patches: AUC 1.00, mass 1.00. AUC: do" in guessing.alt()
    guessing.marked = [124]
    assert guessing.guess is None
    assert "guess" not in guessing.alt()
    half = own[: len(own) // 2]
    guessing.marked = [*half, half[0]]
    assert guessing.marked == sorted(half)
    share = len(set(half) - {124}) / (len(own) - 1)
    assert guessing.guess == (pytest.approx((1 + share) / 2), 1)
    assert guessing.chance == (0.5, pytest.approx((len(own) - 1) / 255))


def test_without_regions_nearness_and_spread_are_told(guessing):
    guessing.photo, guessing.selected = "coffee", 100
    near, spread = guessing.chance
    assert (near, spread) == (pytest.approx(28 / 255), pytest.approx(255))
    assert guessing.scores["windows"][0] > 0.5 > guessing.scores["attention"][0]
    assert 1 < guessing.scores["similarity"][1] < 100
    guessing.marked = [99, 101, 200]
    assert guessing.guess == (pytest.approx(2 / 3), pytest.approx(3))
    assert guessing.mean_scores["convolution"][1] > 20
    assert "no right" not in guessing.alt()
    assert "near 0." in guessing.alt()
    assert row_spread(torch.tensor([1.0, 1.0]), torch.tensor([True, False])) == pytest.approx((0.5, 2))


def test_a_picture_of_one_region_has_no_scores():
    one = RelationsExplorer((torch.rand(1, 64, 64), torch.tensor([0] * 8 + [1] * 8)), selected=3)
    assert all(np.isfinite(score) for scores in one.scores.values() for score in scores)
    lonely = RelationsExplorer((torch.rand(1, 64, 64), torch.tensor([1] + [0] * 15)), selected=0)
    assert all(np.isnan(score) for scores in lonely.scores.values() for score in scores)
    assert "AUC –, mass –" in lonely.alt()


def test_a_flat_picture_has_relations_too():
    flat = RelationsExplorer(torch.full((1, 64, 64), 0.4))
    for name, relation in flat.relations.items():
        torch.testing.assert_close(relation.sum(1), torch.ones(16).double(), msg=name)
    assert flat.picture().size[0] == 740


def test_the_still_picture_shows_the_guess_where_there_is_one(guessing):
    plain = guessing.picture()
    guessing.marked = [120, 121, 122]
    assert guessing.picture().tobytes() != plain.tobytes()
    assert (
        guessing.picture().tobytes()
        == RelationsExplorer(
            {"mosaic": (guessing.pixels[None].float(), guessing.regions)}, marked=[122, 121, 120], revealed=True
        )
        .picture()
        .tobytes()
    )


def test_the_still_maps_show_where_regions_end(guessing):
    given = guessing.pixels, guessing.grid, 124, [("", None, ""), ("", torch.zeros(256).double(), "")]
    plain, bordered = (np.asarray(draw_relations(*given, known, [])).astype(int) for known in (None, guessing.regions))
    across = guessing.regions.view(16, 16).diff(dim=1) != 0
    row, column = across.nonzero()[0].tolist()
    top, left = 48 + 12 * row, 256 + 12 * (column + 1)
    changed = np.abs(plain - bordered).sum(-1)
    assert changed[top + 3 : top + 9, left - 2 : left + 2].max(1).all()
    assert not changed[:, :256].any()


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.rand(3, 40, 64), "patches of 16 × 16 must cut"),
        (torch.rand(3, 512, 512), "and 256 patches at most"),
        (torch.rand(3, 32, 32), "16 patches at least"),
        ((torch.rand(1, 64, 64), torch.zeros(3).long()), "the labels of 'photo' must have shape (16,), got (3,)"),
    ],
)
def test_what_relations_can_not_show_is_named(images, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        RelationsExplorer(images)


def test_marks_that_are_no_list_are_refused(mosaic):
    for marked in ("12", 5, None):
        with pytest.raises(ValueError, match="marked must be a list of patches"):
            RelationsExplorer(mosaic, marked=marked)


def test_relations_bring_their_own_pictures():
    explorer = RelationsExplorer()
    assert list(explorer.photos) == ["mosaic", "second mosaic", "coffee"]
    assert list(explorer.labels) == ["mosaic", "second mosaic"]


@pytest.mark.parametrize("image", [torch.rand(3, 64, 64), torch.rand(64, 64), torch.rand(1, 60, 64)])
def test_five_relations_refuse_other_shapes(image):
    with pytest.raises(ValueError, match=r"image|patch"):
        five_relations(image)


def test_a_page_without_a_notebook_shows_an_explorer_as_it_is():
    """A directive with no photograph gives the explorer's own pictures."""
    from patchwork.explorers.site import ExplorerDirective

    machine = SimpleNamespace(reporter=None)
    directive = ExplorerDirective("explorer", ["relations.RelationsExplorer"], {}, None, 0, 0, "", None, machine)
    [node] = directive.run()
    assert 'data-explorer="relations"' in node.astext()
    assert (
        json.loads(html.unescape(re.search(r'data-state="([^"]*)"', node.astext())[1])) == RelationsExplorer().state()
    )


# answers: one patch is marked


def scene_of(seed, question="same"):
    """The library's scene of this seed, with every mark in turn."""
    bank = synthesis.texture_features("test")
    drawn = synthesis.marked_textures(bank, 1, generator=torch.Generator().manual_seed(seed))
    by_texture = drawn.labels[0] == drawn.labels[0, drawn.marked[0]]  # of the marked one's texture, so yes
    places = torch.arange(144)
    labels = by_texture == by_texture[:, None] if question == "same" else places % 12 > (places % 12)[:, None]
    distances = synthesis.marked_textures(torch.zeros(2, 1, 1), 20_000, question=question)
    found = torch.zeros(144, 144, dtype=torch.long)
    found[distances.marked] = distances.distances
    return drawn._replace(features=drawn.features.expand(144, -1, -1), marked=places, labels=labels, distances=found)


@pytest.fixture
def marked(networks, rng):
    """An explorer of a random scene, network and mark, and the library's scene."""
    seed, mark, network = rng.randrange(1000), rng.randrange(144), rng.choice(list(networks))
    return AnswersExplorer(networks, scene=seed, selected=mark, network=network), scene_of(seed)


def test_a_scene_is_the_librarys(marked):
    explorer, scene = marked
    torch.testing.assert_close(explorer.features, scene.features[0])
    assert torch.equal(explorer.labels, scene.labels[explorer.selected])
    assert torch.equal(explorer.distances, scene.distances[explorer.selected])
    assert torch.equal(explorer.textures == explorer.textures[explorer.selected], explorer.labels)


def test_the_pixels_are_those_of_the_same_patches(marked):
    """The spectrum of each patch of the picture leads to its features, in the place of the bank where it stands."""
    explorer, _ = marked
    patches = patchify(explorer.image[None], 16)[0]
    halves = [load_image(name, dtype=torch.float64)[:1, :, 256:] for name in ("brick", "grass")]
    bank = extract_patches(torch.stack(halves), 16, stride=8)
    features = synthesis.texture_features("test")
    for patch, texture, expected in zip(patches, explorer.textures, explorer.features, strict=True):
        at = (bank[texture] - patch).abs().sum(1).argmin()
        assert torch.equal(bank[texture, at], patch)
        torch.testing.assert_close(features[texture, at], expected)


def test_the_answers_are_the_networks(marked, networks):
    explorer, scene = marked
    mark, model = explorer.selected, networks[explorer.network]
    with torch.no_grad():
        logits = model(scene.features[:1], scene.marked[mark : mark + 1])[0]
    torch.testing.assert_close(explorer.probabilities.float(), logits.sigmoid(), atol=1e-5, rtol=1e-4)
    clear = logits.abs() > 1e-4
    assert torch.equal(explorer.right[clear], ((logits > 0) == scene.labels[mark])[clear])
    accuracy, _ = synthesis.accuracy_by_distance(model, scene)
    torch.testing.assert_close(explorer.accuracy, accuracy, atol=2e-3, rtol=0)


def test_whom_the_news_reaches_is_the_librarys(marked, networks):
    explorer, scene = marked
    mark = explorer.selected
    for name, model in networks.items():
        explorer.network = name
        masks = synthesis.relation_masks(model.relation, features=scene.features[0] if name == "knn" else None)
        heard = reach(list(masks))[:, mark]
        assert torch.equal(explorer.reached, heard)
        asked, right = scene.distances[mark] > 0, explorer.right
        expected = tuple((int(right[asked & each].sum()), int((asked & each).sum())) for each in (heard, ~heard))
        assert explorer.counts[name] == expected
        if name == "knn":
            assert explorer.ceiling is None
        else:
            torch.testing.assert_close(explorer.ceiling, synthesis.ceiling(name))


def test_the_left_question_is_put_where_the_library_puts_it():
    explorer, scene = AnswersExplorer(question="left", selected=40), scene_of(0, "left")
    assert torch.equal(explorer.labels, scene.labels[40])
    assert torch.equal(explorer.distances, scene.distances[40])
    assert sum(number for _, number in explorer.counts["convolution"]) == (scene.distances[40] > 0).sum()
    torch.testing.assert_close(explorer.ceiling, synthesis.ceiling("convolution", question="left"), equal_nan=True)
    accuracy, _ = synthesis.accuracy_by_distance(synthesis.trained("convolution", question="left"), scene)
    torch.testing.assert_close(explorer.accuracy, accuracy, equal_nan=True, atol=2e-3, rtol=0)
    assert "is it in a column left of mine?" in explorer.alt()


def test_without_models_those_of_the_book_answer():
    assert list(AnswersExplorer()._given) == list(synthesis.RELATIONS)
    assert {model.relation for model in AnswersExplorer(question="left")._given.values()} >= {"convolution"}


def test_pooling_brings_the_news_to_everyone():
    explorer = AnswersExplorer({"pooled": synthesis.trained("grid", pooling=True)}, selected=0)
    assert explorer.reached.all()
    assert explorer.counts["pooled"][1] == (0, 0)
    assert torch.equal(explorer.ceiling, torch.ones(11))
    assert explorer.network == "pooled"
    left = AnswersExplorer({"m": synthesis.RelationNetwork("knn", pooling=True)}, question="left")
    assert left.ceiling.isnan().tolist() == synthesis.ceiling("own", question="left").isnan().tolist()


def test_another_scene_brings_new_answers_and_an_old_one_the_old(answering):
    first = answering.state()
    answering.scene = 7
    state = answering.state()
    assert list(state["scenes"]) == ["7"]
    assert state["scenes"]["7"]["textures"] == answering.textures.tolist() != first["scenes"]["0"]["textures"]
    answering.set_state({"scene": 0, "selected": 3, "network": "knn"})
    assert answering.state()["scenes"] == first["scenes"]
    assert (answering.selected, answering.network) == (3, "knn")


@pytest.mark.parametrize("number", [1, 4, 8, 11])
def test_the_pages_answers_are_rounded_to_what_fits_and_none_is_turned(networks, number):
    names = list(networks)
    explorer = AnswersExplorer({f"{at}": networks[names[at % 4]] for at in range(number)}, scene=5)
    coded = explorer.state()["scenes"]["5"]["networks"]
    bits = {each["answers"]["bits"] for each in coded.values()}
    assert bits == {{1: 8, 4: 8, 8: 4, 11: 3}[number]}
    for name, each in coded.items():
        explorer.network = name
        for mark in (0, 77, 143):
            explorer.selected = mark
            read = decoded(each["answers"])[mark]
            assert (read - explorer.probabilities).abs().max() <= 0.501 / (2 ** bits.copy().pop() - 1)
            assert torch.equal(read > 0.5, explorer.probabilities > 0.5)
    edges = coded[str(names.index("knn"))]["edges"] if number > 3 else None
    if edges:
        explorer.network = str(names.index("knn"))
        assert torch.equal(decoded(edges) > 0.5, synthesis.relation_masks("knn", features=explorer.features)[0])


def test_an_answer_of_exactly_one_half_is_no():
    read = decoded(answer_scenes.encode_answers(torch.tensor([0.5, 0.5000001, 0.0, 1.0]), 8)) > 0.5
    assert read.tolist() == [False, True, False, True]


@pytest.mark.parametrize(
    ("models", "options", "message"),
    [
        ({}, {}, "models must be a dict of RelationNetwork by name, not empty; got dict"),
        ([], {}, "models must be a dict of RelationNetwork by name, not empty; got list"),
        ({"": synthesis.RelationNetwork("own")}, {}, "the name of a network must be text, got ''"),
        ({"a": nn.Linear(2, 2)}, {}, "the network 'a' must be a RelationNetwork, got Linear"),
        (None, {"question": "right"}, "question must be one of ['same', 'left'], got 'right'"),
        ({str(at): synthesis.RelationNetwork("own") for at in range(14)}, {}, "use fewer networks"),
    ],
)
def test_what_the_answers_can_not_be_of_is_named(models, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        AnswersExplorer(models, **options)


def test_a_network_keeps_its_mode_and_its_precision():
    model = synthesis.RelationNetwork("grid", pooling=True, dtype=torch.float64).train()
    AnswersExplorer({"own": model})
    assert model.training
    assert model.pool_norm.num_batches_tracked == 0


def test_the_still_picture_follows_mark_and_scene(answering):
    before = answering.picture().tobytes()
    answering.selected = 0
    moved = answering.picture().tobytes()
    answering.scene = 3
    assert len({before, moved, answering.picture().tobytes()}) == 3


def test_values_outside_their_ends_are_refused():
    assert base.encode_array(torch.tensor([0.25]), bits=2, ends=(0, 1))["data"] == "QA=="
    with pytest.raises(ValueError, match=re.escape("values must lie in 0 … 1, got 0.5 … 2")):
        base.encode_array(torch.tensor([0.5, 2.0]), ends=(0, 1))
