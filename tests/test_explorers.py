"""Explorers: their Python side, and the text and picture they leave where no kernel runs."""

import base64
import html
import io
import json
import random
import re

import pytest
import torch
import traitlets
from ipywidgets import IntSlider, link
from PIL import Image

from patchwork.explorers import base, modules
from patchwork.explorers.patches import PatchExplorer, patch_grid, same_place, shuffled_order
from patchwork.images import load_image
from patchwork.patches import extract_patches, merge_patches, patchify, unpatchify


@pytest.fixture(scope="module")
def photos():
    return {name: load_image(name, size=224) for name in ("astronaut", "coffee", "chelsea")}


@pytest.fixture
def explorer(photos):
    return PatchExplorer(photos)


@pytest.fixture
def small():
    return PatchExplorer(torch.rand(3, 48, 64, generator=torch.Generator().manual_seed(0)), patch_size=16)


def page_state(explorer):
    page = explorer._repr_mimebundle_()[0]["text/html"]
    return json.loads(html.unescape(re.search(r'data-state="([^"]*)"', page)[1]))


# modules


def test_a_bundle_has_no_relative_import_left():
    for path in modules.STATIC.glob("*.mjs"):
        assert not re.search(r"""(from|import)\s*["']\.""", modules.bundle(path)), path.name


def test_a_bundle_holds_what_it_imports(tmp_path):
    (tmp_path / "a.mjs").write_text('import { b } from "./b.mjs";\nimport "./c.mjs";\nexport const a = b;')
    (tmp_path / "b.mjs").write_text("import { c } from './c.mjs'; export const b = c;")
    (tmp_path / "c.mjs").write_text("export const c = 'é';")
    imported = re.findall(r'import[^"]*"data:text/javascript;base64,([^"]+)"', modules.bundle(tmp_path / "a.mjs"))
    b, c = (base64.b64decode(text).decode() for text in imported)
    assert c == "export const c = 'é';"
    assert b.endswith("export const b = c;")
    assert imported[1] in b  # one text, so one module in the browser


def test_modules_in_a_circle_are_named(tmp_path):
    (tmp_path / "a.mjs").write_text('import "./b.mjs";')
    (tmp_path / "b.mjs").write_text('import "./a.mjs";')
    with pytest.raises(ValueError, match=r"a\.mjs → b\.mjs → a\.mjs"):
        modules.bundle(tmp_path / "a.mjs")


def test_the_page_script_carries_every_module():
    line, _, mount = modules.page_script().partition("};\n")
    sources = json.loads(line.removeprefix("window.__patchwork_modules = ") + "}")
    assert sources == {path.name: path.read_text("utf-8") for path in modules.STATIC.glob("*.mjs")}
    assert mount == (modules.STATIC / "mount.js").read_text("utf-8")
    assert "</script" not in modules.page_script()


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


@pytest.mark.parametrize("values", [torch.tensor([0.0, torch.nan]), torch.tensor([torch.inf]), torch.zeros(0)])
def test_an_array_that_has_no_range_is_refused(values):
    with pytest.raises(ValueError, match="finite and not empty"):
        base.encode_array(values)


# what a page and a notebook keep


def test_the_bundle_has_all_three_outputs(explorer):
    bundle, _ = explorer._repr_mimebundle_()
    assert bundle["text/plain"] == repr(explorer)
    assert "application/vnd.jupyter.widget-view+json" in bundle
    with Image.open(io.BytesIO(base64.b64decode(bundle["image/png"]))) as picture:
        assert picture.width >= 600
    assert '<div class="explorer" data-explorer="patches"' in bundle["text/html"]


def test_the_fallback_is_small_and_described(explorer):
    page = explorer._repr_mimebundle_()[0]["text/html"]
    jpeg, alt = re.search(r'<img src="data:image/jpeg;base64,([^"]+)" alt="([^"]+)"', page).groups()
    assert len(base64.b64decode(jpeg)) < 60_000
    assert all(word in alt for word in ("astronaut", "7 × 7", "patch 17", "32 × 32 pixels"))


def test_the_page_state_is_the_public_one(explorer):
    names = {"photo", "photos", "patch_size", "stride", "selected", "shuffled"}
    assert set(page_state(explorer)) == names
    assert page_state(explorer) == explorer.state()


def test_the_outputs_are_the_same_each_time(photos):
    one, two = (PatchExplorer(photos, patch_size=16, selected=3)._repr_mimebundle_()[0] for _ in range(2))
    assert one["text/html"] == two["text/html"]
    assert one["image/png"] == two["image/png"]


def test_photographs_keep_their_order(photos):
    given = {name: photos[name] for name in ("coffee", "astronaut", "chelsea")}
    assert list(page_state(PatchExplorer(given))["photos"]) == list(given)


def test_the_repr_lists_the_settings_only(explorer):
    explorer.hovered = 3
    expected = "PatchExplorer(patch_size=32, photo='astronaut', selected=17, shuffled=False, stride=None)"
    assert repr(explorer) == expected


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


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("patch_size", 30, "patch_size 30 does not divide"),
        ("patch_size", 0, "patch_size 0 does not divide"),
        ("patch_size", 2, "at most 4096 patches, got N = 112 × 112"),
        ("stride", 33, "every 33 pixels do not tile"),
        ("stride", 5, "every 5 pixels do not tile"),
        ("stride", 0, "every 0 pixels do not tile"),
        ("selected", 49, "one of the patches 0 … 48, got 49"),
        ("selected", -1, "one of the patches 0 … 48, got -1"),
        ("photo", "nobody", "'nobody' is not among"),
        ("patch_size", "32", "expected an int"),
        ("shuffled", None, "expected a boolean"),
        ("photos", {}, "photos must hold 'astronaut', the one shown, got []"),
        ("photos", {"coffee": ""}, "photos must hold 'astronaut', the one shown, got ['coffee']"),
        ("photos", {"astronaut": "no picture"}, "the photograph 'astronaut' must be a picture as base64 text"),
        ("photos", {"astronaut": None}, "the photograph 'astronaut' must be a picture as base64 text"),
    ],
)
def test_a_setting_that_does_not_fit_is_refused_and_leaves_no_trace(explorer, name, value, message):
    before, photos = repr(explorer), explorer.photos
    with pytest.raises(traitlets.TraitError, match=re.escape(message)):
        setattr(explorer, name, value)
    assert repr(explorer) == before
    assert explorer.photos == photos


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


def test_an_explorer_links_to_another_widget(explorer):
    slider = IntSlider(min=0, max=48, value=3)
    link((slider, "value"), (explorer, "selected"))
    assert explorer.selected == 3
    explorer.selected = 40
    assert slider.value == 40


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
