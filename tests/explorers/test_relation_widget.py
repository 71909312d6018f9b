"""The relations explorer in Python: six answers and a guess."""

import html
import json
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import transformers
from PIL import Image
from sklearn.metrics import roc_auc_score

from patchwork._packaged import found as packaged_folder
from patchwork.explorers.common import encoding
from patchwork.explorers.common.modules import limits
from patchwork.explorers.relations import RelationsExplorer, look, network, still
from patchwork.explorers.relations.look import NAMES
from patchwork.explorers.relations.still import draw_relations
from patchwork.explorers.relations.widget import pictures
from patchwork.images import texture_mosaic
from patchwork.patches import patchify
from patchwork.relations import region_mass, same_region_auc
from patchwork.similarity import (
    patch_spectrum,
)
from patchwork.synthesis import families
from patchwork.synthesis.families import five_relations, learned, network_relation


def test_what_the_page_computes_with_is_what_the_library_does():
    known = limits("relations")
    assert known["families"] == {name: getattr(families, name.upper()) for name in known["families"]}
    assert known["heads"] == learned()["projections"].shape[1]
    assert list(known["names"]) == [*five_relations(torch.rand(1, 64, 64)), "network"]


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
    assert list(guessing.relations) == [*expected, "network"] == list(NAMES)
    for name, relation in guessing.relations.items():
        assert relation.dtype == torch.float64
        if name != "network":
            torch.testing.assert_close(relation, expected[name], atol=1e-3 if name == "graph" else 1e-5, rtol=0)
        torch.testing.assert_close(relation.sum(1), torch.ones(256).double())
        assert torch.equal(guessing.rows[name], relation[guessing.selected])


# the real network


def cosines_in_full(pixels):
    """Cosines of transformers' own features of a gray picture after layer 8, none of their 384 numbers left out."""
    folder = packaged_folder()
    model = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    height, width = (14 * side // 16 for side in pixels.shape)
    levels = Image.fromarray((255 * pixels).round().byte().numpy()).resize((width, height), Image.Resampling.BILINEAR)
    image = torch.from_numpy(np.array(levels)).float() / 255
    mean, std = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[:, :, None, None]
    with torch.no_grad():
        output = model((image.expand(3, -1, -1) - mean)[None] / std, output_hidden_states=True)
    directions = output.hidden_states[8][0, 1:].double()
    directions /= directions.norm(dim=1, keepdim=True)
    return directions @ directions.T


@pytest.mark.parametrize("photo", ["mosaic", "coffee"])
def test_the_sixth_relation_is_nearly_that_of_all_the_networks_numbers(guessing, photo):
    """What 32 numbers of 64 levels leave out, and the scaling in 255 levels."""
    guessing.photo = photo
    expected, found = cosines_in_full(guessing.pixels), guessing.relations["network"]
    logits = 0.05 * found.log()
    logits -= logits.diagonal()[:, None]
    agreement = torch.tensor([torch.corrcoef(torch.stack(pair))[0, 1] for pair in zip(expected, logits, strict=True)])
    assert agreement.mean() > 0.99
    assert agreement.min() > 0.97
    assert (logits - (expected - 1)).abs().max() < 0.3
    if photo == "mosaic":
        auc = [same_region_auc(each, guessing.regions).item() for each in (expected, found)]
        assert auc[1] == pytest.approx(auc[0], abs=0.01)
        assert auc[0] > 0.9


def test_the_pages_own_pictures_need_no_network(monkeypatch, tmp_path):
    stored = RelationsExplorer()
    assert list(stored.network) == list(stored.photos) == ["mosaic", "second mosaic", "coffee"]
    read = RelationsExplorer(pictures())
    for photo in stored.photos:
        stored.photo = read.photo = photo
        for one, other in zip(stored.relations["network"], read.relations["network"], strict=True):
            assert torch.corrcoef(torch.stack([one, other]))[0, 1] > 0.999
    without_network(monkeypatch, tmp_path)
    alone = RelationsExplorer()
    assert (alone.network, alone.missing) == (stored.network, "")
    assert "Real network" in [title for title, *_ in still._tiles(alone.look)]


def without_network(monkeypatch, tmp_path):
    """As on a machine where nobody has run ``make model``."""
    monkeypatch.setenv("PATCHWORK_MODELS", str(tmp_path))
    network._load.cache_clear()
    network._reduced.cache_clear()


def test_without_the_network_the_sixth_is_left_out_and_one_line_says_why(monkeypatch, tmp_path, little):
    without_network(monkeypatch, tmp_path)
    explorer = RelationsExplorer(little)
    assert explorer.missing.startswith("'dinov2-small-packaged' is not on this machine yet: run `make model`, or ")
    assert "\n" not in explorer.missing
    assert list(explorer.relations) == list(five_relations(explorer.pixels[None]))
    assert (explorer.network, "real network" in explorer.alt()) == ({}, False)
    assert "missing" not in repr(explorer)
    assert explorer.state()["missing"] == explorer.missing
    assert [title for title, *_ in still._tiles(explorer.look)] == ["The picture", *list(NAMES.values())[:-1]]


def test_a_readers_own_photograph_is_read_when_it_comes_from_the_page(monkeypatch, tmp_path, little):
    explorer = RelationsExplorer(little)
    first, own = explorer.network, explorer._encode(torch.rand(3, 128, 128))
    explorer.photos = {**explorer.photos, "your photo": own}
    assert list(explorer.network) == ["mosaic", "coffee", "your photo"]
    assert {name: explorer.network[name] for name in first} == first
    explorer.photo = "your photo"
    assert explorer.relations["network"].shape == (64, 64)
    before = explorer.relations["network"]
    explorer.photos = {**explorer.photos, "your photo": explorer._encode(torch.rand(3, 128, 128))}
    assert not torch.equal(explorer.relations["network"], before)
    explorer.photo = "mosaic"
    explorer.photos = {name: text for name, text in explorer.photos.items() if name != "your photo"}
    assert (explorer.network, explorer.missing) == (first, "")
    without_network(monkeypatch, tmp_path)
    explorer.photos = {**explorer.photos, "your photo": explorer._encode(torch.rand(3, 128, 128))}
    assert (explorer.network, explorer.missing[:23]) == (first, "'dinov2-small-packaged'")
    explorer.photo = "your photo"
    assert "network" not in explorer.relations
    explorer.network = {**first, "your photo": first["mosaic"]}
    assert explorer.relations["network"].shape == (64, 64)


def test_components_have_the_products_of_the_directions(generator):
    features = torch.randn(40, 20, generator=generator) * torch.rand(20, generator=generator)
    parts = network.components(features)
    directions = features.double() / features.double().norm(dim=1, keepdim=True)
    assert parts.shape == (40, 20)
    torch.testing.assert_close(parts @ parts.T, directions @ directions.T, atol=1e-6, rtol=0)
    assert (parts.square().sum(0).diff() <= 1e-9).all()
    assert (parts.amax(0) >= -parts.amin(0)).all()
    wide = network.components(torch.randn(50, 60, generator=generator))
    assert wide.shape == (50, 32)


def test_the_learned_attention_and_the_network_find_regions_of_other_mosaics():
    """What ``book/train_attention.py`` stores, those that learn nothing, and a real network, on ten new mosaics."""
    found = {name: [] for name in NAMES}
    for seed in range(10):
        image, labels = texture_mosaic(half="test", generator=torch.Generator().manual_seed(100 + seed))
        features = encoding.decode_array(network.reduced(image[0].double()))
        for name, relation in {**five_relations(image), "network": network_relation(features)}.items():
            found[name].append((same_region_auc(relation, labels), region_mass(relation, labels)[0]))
    auc = {name: torch.tensor(each).mean(0)[0].item() for name, each in found.items()}
    mass = {name: torch.tensor(each).mean(0)[1].item() for name, each in found.items()}
    assert min(auc["attention"], auc["graph"]) > 0.93
    assert auc["windows"] < auc["convolution"] < auc["similarity"] < 0.92
    assert min(mass["attention"], mass["windows"], mass["similarity"], mass["graph"]) > 0.8
    assert mass["convolution"] > 0.6
    assert min(auc["network"], mass["network"]) > 0.93


def scores_by_hand(row, same):
    """(AUC, mass) of one row without the patch that asks: all pairs of one inside and one outside are compared."""
    if same.all() or not same.any():
        return torch.nan, torch.nan
    inside, outside = row[same][:, None], row[~same]
    wins = (inside > outside).double() + (inside == outside).double() / 2
    return wins.mean().item(), (inside.sum() / row.sum()).item()


def test_scores_of_rows_are_the_librarys_and_average_to_its_means(guessing):
    relations, regions = guessing.relations, guessing.regions
    for guessing.selected in range(0, 256, 51):
        scores = guessing.scores
        for name, row in guessing.rows.items():
            others = torch.arange(256) != guessing.selected
            own = (regions == regions[guessing.selected])[others]
            assert scores[name][0] == pytest.approx(roc_auc_score(own, row[others]))
            assert scores[name] == pytest.approx(scores_by_hand(row[others], own))
    for name, scores in guessing.mean_scores.items():
        expected = same_region_auc(relations[name], regions).item(), region_mass(relations[name], regions)[0].item()
        assert scores == pytest.approx(expected, rel=1e-12)


def test_ties_empty_rows_and_patches_alone_are_scored_as_the_library_does(monkeypatch, rng):
    relation, labels = torch.rand(30, 30).double().round(decimals=1), torch.randint(3, (30,))
    relation[rng.randrange(30)], labels[rng.randrange(30)] = 0, 3
    monkeypatch.setattr(look, "five_relations", lambda image: {"drawn": relation})
    explorer, rows = RelationsExplorer((torch.rand(1, 80, 96), labels)), []
    for explorer.selected, row in enumerate(relation):
        others = torch.arange(30) != explorer.selected
        rows.append(scores_by_hand(row[others], (labels == labels[explorer.selected])[others]))
        assert explorer.scores["drawn"] == pytest.approx(rows[-1], nan_ok=True)
    expected = same_region_auc(relation, labels).item(), region_mass(relation, labels)[0].item()
    assert explorer.mean_scores["drawn"] == pytest.approx(expected)
    assert torch.tensor(rows).nanmean(0).tolist() == pytest.approx(expected)


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


def spread_by_hand(row, near):
    """(share near, patches over which it is spread) of one row without the patch that asks."""
    shares = (row / row.sum()).tolist()
    entropy = -sum(share * np.log(share) for share in shares if share > 0)
    return sum(share for share, each in zip(shares, near.tolist(), strict=True) if each), np.exp(entropy)


def test_nearness_and_spread_are_those_of_each_row(monkeypatch, rng):
    """Also where rows have ties, zeros, or no weight at all."""
    assert spread_by_hand(torch.tensor([1.0, 1.0]), torch.tensor([True, False])) == pytest.approx((0.5, 2))
    relation = torch.randint(3, (30, 30)).double()
    empty = rng.randrange(30)
    relation[empty] = torch.arange(30) == empty
    monkeypatch.setattr(look, "five_relations", lambda image: {"drawn": relation})
    explorer, rows = RelationsExplorer(torch.rand(1, 80, 96)), []
    places = torch.cartesian_prod(torch.arange(5), torch.arange(6))
    for explorer.selected, row in enumerate(relation):
        own = explorer.selected
        near, others = (places - places[own]).square().sum(1) <= 9, torch.arange(30) != own
        rows.append(spread_by_hand(row[others], near[others]) if own != empty else (np.nan, np.nan))
        assert explorer.scores["drawn"] == pytest.approx(rows[-1], nan_ok=True)
    assert explorer.mean_scores["drawn"] == pytest.approx(np.nanmean(rows, axis=0).tolist())


def test_a_picture_of_one_region_has_no_scores():
    one = RelationsExplorer((torch.rand(1, 64, 64), torch.tensor([0] * 8 + [1] * 8)), selected=3)
    assert all(np.isfinite(score) for scores in one.scores.values() for score in scores)
    lonely = RelationsExplorer((torch.rand(1, 64, 64), torch.tensor([1] + [0] * 15)), selected=0)
    assert all(np.isnan(score) for scores in lonely.scores.values() for score in scores)
    assert "AUC –, mass –" in lonely.alt()


def test_a_flat_picture_has_relations_too():
    flat = RelationsExplorer(torch.full((1, 64, 64), 0.4))
    assert list(flat.relations) == list(NAMES)
    for name, relation in flat.relations.items():
        torch.testing.assert_close(relation.sum(1), torch.ones(16).double(), msg=name)
    assert flat.picture().size[0] == 720


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
    bordered, plain = guessing.look, replace(guessing.look, regions=None)
    bordered, plain = (np.asarray(draw_relations(each)).astype(int)[:240] for each in (bordered, plain))
    across = guessing.regions.view(16, 16).diff(dim=1) != 0
    row, column = across.nonzero()[0].tolist()
    top, left = 48 + 8 * row, 192 + 8 * (column + 1)
    changed = np.abs(plain - bordered).sum(-1)
    assert changed[top + 2 : top + 6, left - 2 : left + 2].max(1).all()
    assert not changed[:, :192].any()


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
