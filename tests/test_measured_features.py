"""The numbers that ``book/measure_real_features.py`` stores: all there, and some of them measured again."""

import json
import sys
from pathlib import Path

import pytest
import torch

from patchwork.images import load_image
from patchwork.pretrained import Reading, load_vit
from patchwork.similarity import cosine_similarity

sys.path.insert(0, str(Path(__file__).parents[1] / "book"))
import measure_real_features as measuring


@pytest.fixture(scope="module")
def stored():
    return json.loads(measuring.STORED.read_text("utf8"))


@pytest.fixture(scope="module")
def model():
    return load_vit("dinov2-small-packaged", device="cpu")


def lists(part):
    """All lists of numbers in what is stored for one part."""
    return [part] if isinstance(part, list) else [each for inner in part.values() for each in lists(inner)]


def test_each_part_has_a_number_for_each_picture(stored):
    assert list(stored) == list(measuring.PARTS)
    pictures = {"tokencut": {20}, "clusters": {12, 24}, "attention_on_mosaics": {24}, "stereo": {35}}
    for name, part in stored.items():
        assert {len(each) for each in lists(part)} == pictures.get(name, {len(measuring.PHOTOGRAPHS)})
    assert stored["invariances"]["matched"].keys() == stored["invariances"]["far"].keys()


def test_shares_and_scores_are_in_their_ranges(stored):
    for part in ("invariances", "stereo", "attention_on_mosaics"):
        numbers = [number for each in lists(stored[part]) for number in each if number is not None]
        assert min(numbers) >= 0
        assert max(numbers) <= 1 or part == "invariances"
    for number in (number for each in lists(stored["erased"]) for number in each):
        assert -1 <= number <= 1


def test_the_longest_tokens_are_measured_again(stored, model):
    reading = model.read(load_image("astronaut", size=224), layers=())
    for depth in (1, 8, 11):
        lengths = reading.patch_features(depth).norm(dim=1)
        longest = stored["norms"]["224"]["longest"][str(depth)][0]
        assert (lengths.max() / lengths.median()).item() == pytest.approx(longest, abs=0.02)


def test_attention_on_a_mosaic_is_measured_again(stored, model, monkeypatch):
    one = measuring.mosaics("test", 1)
    monkeypatch.setattr(measuring, "mosaics", lambda *_: one)
    found = measuring.attention_on_mosaics(model)
    for name, by_layer in stored["attention_on_mosaics"].items():
        for layer, aucs in by_layer.items():
            assert found[name][layer] == pytest.approx(aucs[:1], abs=0.005)


def test_a_moved_photograph_goes_where_it_is_said_to_go(generator):
    wide = torch.rand(3, measuring.WIDE, measuring.WIDE, generator=generator)
    margin = (measuring.WIDE - measuring.SIDE) // 2
    middle = wide[:, margin:-margin, margin:-margin]
    torch.testing.assert_close(measuring.moved(wide, *measuring.STAY), middle, atol=1e-4, rtol=0)
    by = measuring.moved(wide, *measuring.MOVES["shift 3 patches"])
    torch.testing.assert_close(
        by, wide[:, margin - 42 : 224 + margin - 42, margin - 42 : 224 + margin - 42], atol=1e-3, rtol=0
    )
    mirrored = measuring.moved(wide, *measuring.MOVES["mirror"])
    torch.testing.assert_close(mirrored, middle.flip(2), atol=1e-3, rtol=0)
    assert measuring.goes_to(*measuring.MOVES["mirror"]).view(16, 16, 2)[3, 0].tolist() == [3, 15]
    assert measuring.goes_to(*measuring.MOVES["shift 3 patches"]).view(16, 16, 2)[3, 0].tolist() == [6, 3]
    turned = measuring.moved(wide, *measuring.MOVES["turn 90°"])
    there = measuring.goes_to(*measuring.MOVES["turn 90°"]).round().long()
    first = middle[:, :14, :14].mean()
    row, column = (14 * place for place in there[0].tolist())
    torch.testing.assert_close(turned[:, row : row + 14, column : column + 14].mean(), first, atol=1e-3, rtol=0)


def test_an_unchanged_copy_is_matched_and_a_shuffled_one_is_not(generator):
    x, stay = torch.rand(256, 40, generator=generator), measuring.goes_to(*measuring.STAY)
    assert measuring.compared(x, x, stay) == pytest.approx((1, 0), abs=1e-6)
    matched, far = measuring.compared(x, x[torch.randperm(256, generator=generator)], stay)
    assert matched < 0.15
    assert far == pytest.approx(1, abs=0.1)


def test_redundancy_is_the_mean_cosine_to_the_four_neighbors(generator):
    x = torch.randn(12, 5, generator=generator)
    reading = Reading([None], x, (3, 4), 1, [torch.cat([x[:1], x])])
    cosines, found = cosine_similarity(x), measuring.redundancy(reading).view(3, 4)
    torch.testing.assert_close(found[0, 0], cosines[0, [1, 4]].mean())
    torch.testing.assert_close(found[1, 1], cosines[5, [1, 4, 6, 9]].mean())
    torch.testing.assert_close(found[2, 2], cosines[10, [6, 9, 11]].mean())


def test_a_row_with_too_few_known_patches_has_no_share():
    there = torch.tensor([-1.0, torch.nan, 1.0, 2.0, 3.0, 4.0, 5.0, 6.9])
    assert measuring.share(there, torch.tensor([0, 0, 1, 2, 5, 4, 5, 7])) == pytest.approx(5 / 6, abs=1e-3)
    assert measuring.share(there[:5], torch.tensor([0, 0, 1, 2, 3])) is None
