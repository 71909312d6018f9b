"""What ``book/measure_real_network.py`` stores: all there, its pictures as they should be, and some measured again."""

import json
import sys
from pathlib import Path

import pytest
import torch

from patchwork.patches import patchify
from patchwork.pretrained import load_vit

sys.path.insert(0, str(Path(__file__).parents[1] / "book"))
import measure_real_network as measuring


@pytest.fixture(scope="module")
def stored():
    return json.loads(measuring.FILE.read_text("utf8"))


@pytest.fixture(scope="module")
def model():
    return load_vit("dinov2-small-packaged")


def test_each_part_is_there_with_a_number_for_each_layer(stored):
    assert list(stored) == list(measuring.PARTS)
    for kinds in stored["relations"]["depth"].values():
        assert all(len(each) == 14 for pair in kinds.values() for each in pair)
    for kinds in stored["relations"]["heads"].values():
        assert list(kinds) == ["attention", "queries", "keys", "values", "outputs"]
        assert {len(row) for pair in kinds.values() for layers in pair for row in layers} == {7}
    for runs in stored["controls"].values():
        assert all(len(each) == len(measuring.SEEDS) for each in runs.values())
    assert len(stored["heads"]["pictures"]) == len(measuring.photographs()) == 12
    assert [len(curve) for curve in stored["windows"]["curves"].values()] == [13, 13, 12]


def test_features_and_heads_are_measured_again(stored, model):
    pictures = measuring.mosaics("test", 2)
    mean, spread = stored["relations"]["depth"]["test"]["as they are"]
    found = measuring.by_depth(model, pictures)["as they are"]
    assert ((found - torch.tensor(mean)).abs() < 4 * torch.tensor(spread) + 0.02).all()
    mean, spread = stored["relations"]["baselines"]["test"]["spectra"]
    assert (measuring.baselines(model, pictures)["spectra"] - mean).abs().max() < 4 * spread


def test_a_head_is_measured_again(stored, model):
    pictures = list(measuring.photographs().values())[:2]
    (mean, spread), (measured, _) = stored["heads"]["offset"], measuring.of_heads(model, pictures)
    near = (measured["offset"] - torch.tensor(mean).flatten()).abs() < 4 * torch.tensor(spread).flatten() + 0.02
    assert near.all()


def test_collages_show_one_photograph_in_each_region():
    (image, labels), *_ = measuring.collages(1)
    (again, same), *_ = measuring.collages(1)
    assert torch.equal(image, again)
    assert torch.equal(labels, same)
    assert image.shape == (3, 224, 224)
    assert labels.unique().tolist() == [0, 1, 2]


def test_pieces_are_the_patches_of_the_mosaic_with_their_labels():
    pictures = measuring.mosaics("test", 1)
    (image, labels), *_ = measuring.shuffled_patches(pictures)
    before, after = (patchify(each[None], measuring.PATCH)[0] for each in (pictures[0][0], image))
    places = torch.cdist(after, before).argmin(1)
    assert sorted(places.tolist()) == list(range(256))
    assert torch.equal(labels, pictures[0][1][places])
    assert (places != torch.arange(256)).float().mean() > 0.9


def test_shuffled_weights_are_the_same_numbers(model):
    shuffled = measuring.shuffled_network(model, 0)
    for (name, one), other in zip(model.backbone.named_parameters(), shuffled.backbone.parameters(), strict=True):
        torch.testing.assert_close(one.flatten().sort().values, other.flatten().sort().values, rtol=0, atol=0)
        assert torch.equal(one, other) == ("position" in name or "token" in name)


@torch.no_grad()
def test_a_head_replaced_by_a_relation(model):
    image = measuring.photographs()["coffee"]
    expected = model.read(image, depths=(), layers=[4])
    torch.testing.assert_close(measuring.with_heads_replaced(model, image, {}), expected.features, atol=1e-4, rtol=0)
    own = {(4, 2): expected.relation(4, head=2)}
    torch.testing.assert_close(measuring.with_heads_replaced(model, image, own), expected.features, atol=1e-4, rtol=0)
    other = {(4, 2): torch.eye(256)}
    assert (measuring.with_heads_replaced(model, image, other) - expected.features).abs().max() > 0.1


def test_the_nearest_convolution_of_a_convolution(generator):
    kernel = torch.rand(31, 31, generator=generator) * (torch.rand(31, 31, generator=generator) > 0.5)
    kernel[15, 15] = 1
    rows, columns = torch.arange(256) // 16, torch.arange(256) % 16
    relation = kernel[rows - rows[:, None] + 15, columns - columns[:, None] + 15]
    expected = relation / relation.sum(1, keepdim=True)
    torch.testing.assert_close(measuring.convolution(relation), expected)


def test_masks_close_the_class_token():
    masks = measuring.layer_masks(4, shift=True, layers=range(6), cut=True)
    assert all(not mask[1:, 0].any() and mask[0].all() for mask in masks)
    assert [int(mask[1, 1:].sum()) for mask in masks] == [16, 4] * 3 + [256] * 6
