"""The patch explorer in Python."""

import json
import random

import pytest
import torch
import traitlets
from stored import page_state

from patchwork.explorers.common import encoding, photographs
from patchwork.explorers.common import widget as base
from patchwork.explorers.patches import PatchExplorer, patch_grid, same_place, shuffled_order
from patchwork.patches import extract_patches, merge_patches, patchify, unpatchify


def test_the_outputs_are_the_same_each_time(photos):
    one, two = (PatchExplorer(photos, patch_size=16, selected=3)._repr_mimebundle_()[0] for _ in range(2))
    assert one["text/html"] == two["text/html"]
    assert one["image/png"] == two["image/png"]


def test_photographs_keep_their_order(photos):
    given = {name: photos[name] for name in ("coffee", "astronaut", "chelsea")}
    assert list(page_state(PatchExplorer(given)._repr_mimebundle_()[0])["photos"]) == list(given)


def test_the_state_stays_under_the_limit(photos):
    size = len(json.dumps(PatchExplorer(photos).state()))
    assert size < base.STATE_LIMIT == 150_000
    many = {f"{name} {copy}": image for copy in range(3) for name, image in photos.items()}
    with pytest.raises(ValueError, match=r"takes \d{6} bytes on the page, more than 150000"):
        PatchExplorer(many)


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
    with pytest.raises(ValueError, match="selected must be one of 0 … 3, got 4"):
        PatchExplorer(torch.zeros(3, 64, 64), selected=4)
    with pytest.raises(ValueError, match="no patch_size cuts H, W = 97, 89 into at most 4096 patches"):
        PatchExplorer(torch.zeros(3, 97, 89))


def test_a_photo_that_no_cut_fits_is_refused():
    explorer = PatchExplorer({"square": torch.zeros(3, 64, 64), "prime": torch.zeros(3, 97, 89)})
    before = repr(explorer)
    with pytest.raises(traitlets.TraitError, match="no patch_size cuts H, W = 97, 89 into at most 4096 patches"):
        explorer.photo = "prime"
    assert repr(explorer) == before


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


def test_a_photo_too_large_for_small_patches_takes_the_smallest_that_fits():
    explorer = PatchExplorer({"small": torch.zeros(3, 16, 16), "large": torch.zeros(3, 256, 512)}, patch_size=2)
    explorer.photo = "large"
    assert (explorer.patch_size, explorer.grid) == (8, (32, 64))


def test_another_photo_under_the_same_name_takes_the_nearest_patch_size(explorer):
    explorer.photos = {"astronaut": encoding.encode_photo(torch.zeros(3, 60, 90))}
    assert (explorer.patch_size, explorer.grid, explorer.selected) == (30, (2, 3), 1)


def test_changes_that_come_together_are_taken_together(explorer):
    """A choice that is made with the cut is meant in it; one that is not stays at its place."""
    with explorer.hold_trait_notifications():
        explorer.patch_size, explorer.stride, explorer.selected = 8, 4, 3000
    assert (explorer.grid, explorer.selected) == ((55, 55), 3000)
    with explorer.hold_trait_notifications():
        explorer.patch_size, explorer.stride = 16, 8
    assert explorer.selected == same_place(3000, ((224, 224), 8, 4), ((224, 224), 16, 8))


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
    explorer.set_state({"photos": {**explorer.photos, "your photo": encoding.encode_photo(own)}, "photo": "your photo"})
    assert explorer.image.shape == own.shape
    assert torch.equal(explorer.image, encoding.decode_photo(explorer.photos["your photo"]))
    assert explorer.vector.shape == (3072,)


def test_a_readers_own_photo_is_decoded_once_for_an_output(explorer, monkeypatch):
    explorer.set_state({"photos": {**explorer.photos, "own": explorer.photos["coffee"]}, "photo": "own"})
    decoded, read = [], photographs.decode_photo
    monkeypatch.setattr(photographs, "decode_photo", lambda text: decoded.append(text) or read(text))
    explorer._repr_mimebundle_()
    assert decoded == [explorer.photos["own"]]


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
