import re
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

import patchwork
from patchwork.graphs import knn_graph, normalize_adjacency
from patchwork.images import load_image
from patchwork.synthesis import (
    GRID,
    RELATIONS,
    RelationNetwork,
    accuracy_by_distance,
    ceiling,
    families,
    fit,
    marked_textures,
    recipe,
    relation_masks,
    texture_features,
    trained,
    under_one_recipe,
    weights_file,
)
from patchwork.synthesis import scenes as drawn
from patchwork.synthesis.network import nearest_graphs
from patchwork.windows import reach

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "book"))
import measure_synthesis  # noqa: E402
from train import RUNS, network  # noqa: E402

MASKED = [relation for relation in RELATIONS if relation != "knn"]
ROWS, COLUMNS = GRID
PLACES = [(row, column) for row in range(ROWS) for column in range(COLUMNS)]


@pytest.fixture(scope="module")
def banks():
    return {half: texture_features(half) for half in ("train", "test")}


@pytest.fixture(scope="module")
def tests(banks):
    """Scenes from the test halves, the same each time, for each question."""
    fixed = torch.Generator().manual_seed(77)
    return {
        question: marked_textures(banks["test"], 800, question=question, generator=fixed)
        for question in ("same", "left")
    }


@pytest.fixture
def bank(generator):
    """Two textures of five patches each, which the first number of a feature tells apart."""
    numbers = torch.randn(2, 5, 16, generator=generator)
    numbers[..., 0] = torch.tensor([[-1.0], [1.0]])
    return numbers


def apart(mark, patch):
    return max(abs(one - other) for one, other in zip(mark, patch, strict=True))


def test_features_are_principal_components_of_standardized_spectra(banks):
    spectra = {half: drawn.spectra(half).flatten(0, 1).numpy() for half in banks}
    scaler = StandardScaler().fit(spectra["train"])
    model = PCA(16, svd_solver="full").fit(scaler.transform(spectra["train"]))
    for half, bank in banks.items():
        expected = torch.tensor(model.transform(scaler.transform(spectra[half])) / model.explained_variance_[0] ** 0.5)
        signs = (expected * bank.flatten(0, 1)).sum(0).sign()
        torch.testing.assert_close(bank.flatten(0, 1).double(), expected * signs, atol=1e-3, rtol=0)


def test_spectra_are_those_of_patches_that_lie_in_one_half(monkeypatch):
    whole = {half: drawn.spectra(half) for half in ("train", "test")}

    def without_right_half(*given, **options):
        image = load_image(*given, **options)
        image[..., image.shape[2] // 2 :] = 0
        return image

    monkeypatch.setattr(drawn, "load_image", without_right_half)
    assert torch.equal(drawn.spectra("train"), whole["train"])
    assert drawn.spectra("test").unique().numel() == 1


def test_features_tell_textures_of_the_other_half(banks):
    number = banks["train"].shape[1]
    textures = np.arange(2).repeat(number)
    model = KNeighborsClassifier(8).fit(banks["train"].flatten(0, 1).numpy(), textures)
    assert model.score(banks["test"].flatten(0, 1).numpy(), textures) > 0.99


def test_scenes_ask_what_they_say(bank, generator):
    for question in ("same", "left"):
        scenes = marked_textures(bank, 3, question=question, generator=generator)
        assert (scenes.features.unsqueeze(2) == bank.flatten(0, 1)).all(-1).any(-1).all()
        for features, mark, labels, distances in zip(*scenes, strict=True):
            for number, place in enumerate(PLACES):
                marked = PLACES[mark]
                if question == "same":
                    asked = number != mark
                    expected = features[number, 0] == features[mark, 0]
                else:
                    asked = marked[1] != place[1] and 0 <= 2 * place[1] - marked[1] < COLUMNS
                    expected = marked[1] < place[1]
                assert distances[number] == asked * apart(marked, place)
                assert labels[number] == expected


def test_textures_and_marks_are_drawn_evenly(bank, generator):
    scenes = marked_textures(bank, 4000, generator=generator)
    assert abs((scenes.features[..., 0] > 0).float().mean() - 0.5) < 5 / (2 * 4000 * 144) ** 0.5
    counts = scenes.marked.bincount(minlength=144)
    assert counts.min() > 4000 / 144 / 4
    assert counts.max() < 4000 / 144 * 3


def test_labels_are_balanced_at_every_distance(bank, generator):
    scenes = marked_textures(bank, 4000, generator=generator)
    for distance in range(1, 12):
        of_scene = torch.where(scenes.distances == distance, scenes.labels * 2.0 - 1, 0).sum(1)
        assert of_scene.sum().abs() < 5 * of_scene.square().sum().sqrt()


def test_left_and_right_are_balanced_at_every_distance_and_place(bank, generator):
    scenes = marked_textures(bank, 4000, question="left", generator=generator)
    marks = torch.unique(scenes.marked, return_inverse=True)[1]
    first = torch.stack([(marks == mark).nonzero()[0, 0] for mark in range(144)])
    labels, distances = scenes.labels[first], scenes.distances[first]
    for distance in range(1, 12):
        asked = distances == distance
        assert torch.equal((asked & labels).sum(0), (asked & ~labels).sum(0))
    assert (distances > 0).any(0).sum() == 144 - 2 * ROWS  # columns at the border have no mirror image


def boosted(scenes, *more):
    """Return the test accuracy of gradient boosting on a patch's own feature and place, and on what else is given."""
    number = len(scenes.marked)
    place = torch.tensor(PLACES).expand(number, -1, -1)
    table = torch.cat([scenes.features, place, *(each.expand(number, 144, -1) for each in more)], 2).numpy()
    asked, labels, half = (scenes.distances > 0).numpy(), scenes.labels.numpy(), number // 2
    model = HistGradientBoostingClassifier(max_iter=40)
    model.fit(table[:half][asked[:half]], labels[:half][asked[:half]])
    return model.score(table[half:][asked[half:]], labels[half:][asked[half:]])


@pytest.mark.parametrize("question", ["same", "left"])
def test_own_feature_and_place_tell_nothing(question, tests):
    assert abs(boosted(tests[question]) - 0.5) < 0.03


def test_the_mark_would_tell_all(tests):
    rows = torch.arange(800)
    marked = tests["same"].features[rows, tests["same"].marked]
    assert boosted(tests["same"], marked.unsqueeze(1)) > 0.95
    column = tests["left"].marked % COLUMNS
    assert boosted(tests["left"], column.view(-1, 1, 1)) > 0.95


def test_masks_by_the_rule():
    near = {
        "own": lambda a, b, shift: a == b,
        "convolution": lambda a, b, shift: apart(a, b) <= 1,
        "local": lambda a, b, shift: apart(a, b) <= 1,
        "grid": lambda a, b, shift: abs(a[0] - b[0]) + abs(a[1] - b[1]) <= 1,
        "global": lambda a, b, shift: True,
        "window": lambda a, b, shift: [n // 4 for n in a] == [n // 4 for n in b],
        "shifted": lambda a, b, shift: [(n + shift) // 4 for n in a] == [(n + shift) // 4 for n in b],
    }
    assert near.keys() == set(MASKED)
    for relation, rule in near.items():
        for block, mask in enumerate(relation_masks(relation)):
            expected = torch.tensor([[rule(a, b, 2 * (block % 2)) for b in PLACES] for a in PLACES])
            assert torch.equal(mask, expected), relation


# In percent, from another program.
CEILINGS = {
    "own": [50] * 11,
    "convolution": [100] * 3 + [50] * 8,
    "local": [100] * 3 + [50] * 8,
    "window": [87, 75, 62] + [50] * 8,
    "shifted": [100] * 4 + [92, 82, 68] + [50] * 4,
    "global": [100] * 11,
    "grid": [100, 89, 60] + [50] * 8,
}


@pytest.mark.parametrize("relation", MASKED)
def test_ceilings(relation):
    assert [round(100 * share) for share in ceiling(relation).tolist()] == CEILINGS[relation]


def test_a_ceiling_counts_the_pairs_that_are_asked():
    heard = reach(list(relation_masks("grid")))
    for question in ("same", "left"):
        for distance, share in enumerate(ceiling("grid", question=question, dtype=torch.float64), 1):
            pairs = [
                (patch, mark)
                for patch, a in enumerate(PLACES)
                for mark, b in enumerate(PLACES)
                if apart(a, b) == distance and (question == "same" or (a[1] != b[1] and 0 <= 2 * a[1] - b[1] < COLUMNS))
            ]
            expected = 0.5 + sum(heard[pair].item() for pair in pairs) / len(pairs) / 2
            assert share == pytest.approx(expected)


@pytest.mark.parametrize("relation", MASKED)
def test_a_network_hears_exactly_what_is_in_reach(relation, generator):
    model = RelationNetwork(relation, dtype=torch.float64)
    features = torch.randn(1, 144, 16, dtype=torch.float64, generator=generator)
    heard = reach(list(relation_masks(relation)))
    for number in [7, *torch.randint(144, (4,), generator=generator).tolist()]:
        given = features.clone().requires_grad_()
        model(given, torch.tensor([7]))[0, number].backward()
        assert torch.equal(given.grad[0].abs().sum(1) > 0, heard[number])


def test_pooling_lets_all_be_heard(generator):
    model = RelationNetwork("own", pooling=True, dtype=torch.float64)
    features = torch.randn(3, 144, 16, dtype=torch.float64, generator=generator).requires_grad_()
    model.eval()(features, torch.tensor([7, 8, 9]))[0, 5].backward()
    assert (features.grad[0].abs().sum(1) > 0).all()
    assert (features.grad[1:] == 0).all()


def test_coordinates_tell_places_apart():
    scenes = torch.zeros(1, 144, 16), torch.tensor([3])
    assert RelationNetwork("own")(*scenes).unique().numel() == 1
    assert RelationNetwork("own", coordinates=True)(*scenes).unique().numel() == 144


def test_the_mark_is_a_copy_of_the_feature(generator):
    model = RelationNetwork("own")
    features = torch.randn(1, 144, 16, generator=generator)
    before, after = (model(features, torch.tensor([mark])) for mark in (3, 4))
    assert (before != after).nonzero()[:, 1].tolist() == [3, 4]


def test_a_network_does_not_depend_on_the_other_scenes(tests):
    model = trained("knn")
    several = model(tests["same"].features[:3], tests["same"].marked[:3])
    single = model(tests["same"].features[1:2], tests["same"].marked[1:2])
    torch.testing.assert_close(several[1:2], single)


def test_all_networks_have_as_many_parameters():
    sizes = [sum(weight.numel() for weight in RelationNetwork(relation).parameters()) for relation in RELATIONS]
    assert max(sizes) < 1.01 * min(sizes)
    assert sum(sizes) / len(sizes) == pytest.approx(12_000, rel=0.01)


def made_of(relation, start):
    """Return the first weights by name, without those that A is made of."""
    torch.manual_seed(5)
    weights = RelationNetwork(relation, start=start).state_dict()
    return {name: each for name, each in weights.items() if not re.search("queries_and_keys|kernel", name)}


@pytest.mark.parametrize("start", recipe.EQUAL)
def test_one_start_and_one_width_for_all(start):
    own = made_of("own", start)
    for relation in RELATIONS:
        weights = made_of(relation, start)
        assert {name: each.shape for name, each in weights.items()} == {name: each.shape for name, each in own.items()}
        for layer in ("mixing.value.weight", "mixing.output.weight"):
            assert torch.equal(weights[layer], own[layer]), (relation, layer)


def test_the_starts_differ_by_the_identity_alone():
    for relation in ("grid", "local", "convolution"):
        plain, near = (made_of(relation, start) for start in ("random", "identity"))
        for name, weights in plain.items():
            mixed = name in ("mixing.value.weight", "mixing.output.weight")
            torch.testing.assert_close(near[name], weights / 2 + torch.eye(32) if mixed else weights)


def test_all_relations_start_at_the_mean_of_whom_they_hear(generator):
    x = torch.randn(400, 144, 32, generator=generator)
    for relation in MASKED:
        torch.manual_seed(0)
        model = RelationNetwork(relation, start="random")
        heard = relation_masks(relation)[0]
        mask = heard.expand(3, -1, -1) if model.masks_or_weights is None else model.masks_or_weights
        with torch.no_grad():
            found = model.mixing.gather(x, x, mask[0])
        expected = (heard / heard.sum(1, keepdim=True)) @ x
        inside = heard.sum(1) == heard.sum(1).max()
        like = torch.cosine_similarity(found[:, inside].flatten(), expected[:, inside].flatten(), 0)
        assert like > 0.7, (relation, like)


def test_nearest_graphs_are_those_of_the_library(generator):
    features = torch.randn(3, 144, 16, generator=generator)
    expected = torch.stack([normalize_adjacency(knn_graph(scene, 8)) for scene in features])
    torch.testing.assert_close(nearest_graphs(features), expected)


def test_nearest_masks_are_where_the_graph_has_weights(generator):
    features = torch.randn(144, 16, generator=generator)
    masks = relation_masks("knn", features=features)
    assert masks.shape == (3, 144, 144)
    assert torch.equal(masks[1], nearest_graphs(features.unsqueeze(0))[0] > 0)


def test_grid_weights_are_those_of_a_gcn():
    weights = RelationNetwork("grid").masks_or_weights[0]
    mask = relation_masks("grid")[0].float()
    torch.testing.assert_close(weights, mask / torch.outer(mask.sum(1), mask.sum(1)).sqrt())


def test_accuracy_and_its_error_by_hand():
    class Model(torch.nn.Module):
        def forward(self, features, marked):
            return features[..., 0]

    features = torch.tensor([[1.0, -1.0, 1.0], [1.0, 1.0, -1.0]]).unsqueeze(2)
    labels = torch.tensor([[True, True, True], [True, False, True]])
    scenes = drawn.Scenes(features, torch.tensor([0, 0]), labels, torch.tensor([[0, 1, 1], [0, 1, 3]]))
    model = Model()
    accuracy, error = accuracy_by_distance(model, scenes)
    # At distance 1: 1 of 2 right in the first scene, 0 of 1 in the second; p = 1/3, rests 1/3 and −1/3.
    assert accuracy[:3].tolist() == pytest.approx([1 / 3, torch.nan, 0], nan_ok=True)
    assert error[:3].tolist() == pytest.approx([2**0.5 / 9, torch.nan, 0], nan_ok=True)
    assert model.training


def test_measuring_neither_needs_nor_changes_the_mode(tests):
    model, scenes = trained("grid", pooling=True), drawn.Scenes(*(part[:20] for part in tests["same"]))
    expected = accuracy_by_distance(model, scenes)[0]
    found = accuracy_by_distance(model.train(), scenes)[0]
    assert model.pool_norm.training
    torch.testing.assert_close(found, expected, equal_nan=True)
    state = trained("grid", pooling=True).state_dict()
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


def test_every_distance_counts_the_same_in_the_loss(bank):
    class Constant(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.logits = torch.nn.Parameter(torch.zeros(144))

        def forward(self, features, marked):
            return self.logits.expand(len(features), -1)

    model, generator = Constant(), torch.Generator().manual_seed(3)
    scenes = marked_textures(bank, 1, generator=torch.Generator().manual_seed(3))
    gradients = []
    model.logits.register_hook(lambda gradient: gradients.append(gradient.abs()))
    fit(model, bank, steps=1, size=1, generator=generator)
    distances = scenes.distances[0]
    shares = torch.stack([gradients[0][distances == distance].sum() for distance in range(distances.max() + 1)])
    assert shares[0] == 0
    torch.testing.assert_close(shares[1:], torch.full_like(shares[1:], 0.5 / distances.max()))


def test_the_recipe_learns(banks, tests):
    torch.manual_seed(0)
    model = RelationNetwork("global")
    losses = fit(model, banks["train"], steps=120, size=32, generator=torch.Generator().manual_seed(0))
    assert losses[-10:].mean() < 0.1
    assert accuracy_by_distance(model, tests["same"])[0].min() > 0.95


def test_a_training_is_watched_before_each_step_and_is_none_the_wiser(bank):
    trainings, steps = [], []
    for watch in (None, steps.append):
        torch.manual_seed(0)
        model, fixed = RelationNetwork("own"), torch.Generator().manual_seed(1)
        trainings.append(fit(model, bank, steps=3, size=2, generator=fixed, watch=watch))
    assert torch.equal(*trainings)
    assert steps == [0, 1, 2]


def files(*, question="same", pooling=False):
    """The networks that come with the book, one parameter each."""
    runs = [(question, pooling) == (run[2].get("question", "same"), run[2].get("pooling", False)) for run in RUNS]
    chosen = [run for run, wanted in zip(RUNS, runs, strict=True) if wanted]
    names = [weights_file(relation, seed, **options).stem for relation, seed, options in chosen]
    return pytest.mark.parametrize(("relation", "seed", "options"), chosen, ids=names)


def measured(tests, relation, seed, options):
    scenes = tests[options.get("question", "same")]
    return accuracy_by_distance(trained(relation, seed, **options), scenes)


@pytest.fixture(scope="module")
def reached(tests):
    """The share of answers that are right where a patch says yes when the mark reaches it in the kNN graph."""
    scenes = tests["same"]
    right = []
    for features, mark, labels, distances in zip(*(part[:200] for part in scenes), strict=True):
        heard = reach(list(relation_masks("knn", features=features)))[:, mark]
        right.append((heard == labels)[distances > 0])
    return torch.cat(right).float().mean()


@files()
def test_trained_networks_stand_at_the_ceiling(tests, reached, relation, seed, options):
    accuracy, error = measured(tests, relation, seed, options)
    rest = (reached if relation == "knn" else ceiling(relation)) - accuracy
    assert (rest.abs() < 0.015 + 3 * error).all()


@files(pooling=True)
def test_pooling_hides_the_relation(tests, relation, seed, options):
    assert measured(tests, relation, seed, options)[0].min() > 0.97


@files(question="left")
def test_left_is_known_by_a_kernel_or_by_coordinates(tests, relation, seed, options):
    accuracy, error = measured(tests, relation, seed, options)
    knows = relation == "convolution" or "coordinates" in options
    expected = ceiling(relation, question="left") if knows else torch.tensor(0.5)
    assert ((accuracy - expected).abs() < 0.015 + 3 * error).all()


def best(relation):
    """The ceiling; for kNN what "to be reached is the answer" gives."""
    return torch.full((11,), 0.88) if relation == "knn" else ceiling(relation)


def arrivals(relation, start):
    near = under_one_recipe(relation, start=start).accuracy > best(relation) - 0.05
    return near[:, best(relation) > 0.5].all(1).sum().item()


def test_the_table_of_the_one_recipe_is_whole():
    rows = recipe.FILE.read_text("utf8").splitlines()
    assert len(rows) == 1 + len(recipe.RUNS) == 161
    for start in recipe.EQUAL:
        for relation in RELATIONS:
            accuracy, curve = under_one_recipe(relation, start=start)
            assert accuracy.shape == (10, 11)
            assert curve.shape == (10, 9, 3)
            assert ((accuracy >= 0) & (accuracy <= 1)).all()
            assert ((curve >= 0) & (curve <= 1)).all()
            assert accuracy.unique(dim=0).shape == accuracy.shape  # no seed twice


def test_arrivals_are_those_of_the_chapter():
    found = {relation: [arrivals(relation, start) for start in recipe.EQUAL] for relation in RELATIONS[1:]}
    always = {relation: [10, 10] for relation in ("window", "shifted", "global")}
    assert found == always | {"convolution": [7, 0], "local": [0, 4], "grid": [6, 0], "knn": [5, 6]}


def test_means_are_those_of_the_chapter():
    def percent(relation, start, distance):
        return round(100 * under_one_recipe(relation, start=start).accuracy[:, distance - 1].mean().item())

    assert percent("convolution", "random", 2) == 54
    for start, knn in zip(recipe.EQUAL, (84, 77), strict=True):
        assert percent("window", start, 3) == 61
        assert percent("shifted", start, 3) == 99
        likes = under_one_recipe("knn", start=start).accuracy
        assert round(100 * likes.mean().item()) in (knn - 1, knn)
        assert likes.mean(0).max() - likes.mean(0).min() < 0.02  # near and far alike


def test_local_learns_sooner_to_hear_by_a_relay():
    ahead = [under_one_recipe(relation).curve[:, 1:5, 1].mean(0) for relation in ("local", "convolution")]
    assert (ahead[0] > ahead[1] + 0.2).all()


def test_no_training_exceeds_the_ceiling():
    # A guess by one's own texture is right in all of a scene or in nothing of it.
    scenes = recipe.measuring_scenes()
    asked = drawn.counts(scenes.labels, scenes.distances)[1][:, 1:].double()
    error = (asked.square().sum(0).sqrt() / asked.sum(0) / 2).float()
    for start in recipe.EQUAL:
        for relation in MASKED:
            assert (under_one_recipe(relation, start=start).accuracy - ceiling(relation) < 3.5 * error).all()


def test_a_row_of_the_table_comes_out_again(banks):
    row = measure_synthesis.measure("identity", "grid", 0, banks["train"], recipe.measuring_scenes())
    accuracy = torch.tensor([int(number) / 1000 for number in row["accuracy"].split()])
    expected = under_one_recipe("grid").accuracy[0]
    assert ((accuracy - expected)[:3].abs() < 0.03).all()  # other machines add up in another order
    assert row["curve"].count("|") == 8


MIRRORED = torch.arange(144).view(GRID).flip(1).flatten()


def mirrored(model, features, marked):
    """The logits of the mirror images, and the mirror images of the logits."""
    return model(features[:, MIRRORED], MIRRORED[marked]), model(features, marked)[:, MIRRORED]


@pytest.mark.parametrize("relation", [relation for relation in RELATIONS if relation != "convolution"])
def test_in_a_mirror_each_answers_the_same(relation, generator):
    # So without coordinates no training can tell left from right: of a scene and its mirror image, half is right.
    # The features are random since of two patches that are the same, the kNN graph takes the first.
    features = torch.randn(3, 144, 16, dtype=torch.float64, generator=generator)
    model = trained(relation, dtype=torch.float64)
    torch.testing.assert_close(*mirrored(model, features, torch.tensor([7, 50, 143])))


@pytest.mark.parametrize(
    ("relation", "options", "reach"), [("convolution", {}, 3), ("global", {"coordinates": True}, 11)]
)
def test_in_a_mirror_left_is_right(relation, options, reach, tests):
    features, marked, _, distances = (part[:50] for part in tests["left"])
    one, other = mirrored(trained(relation, question="left", **options), features, marked)
    asked = ((distances > 0) & (distances <= reach))[:, MIRRORED]
    assert ((one > 0) != (other > 0))[asked].float().mean() > 0.95


def test_all_that_is_shipped_has_a_recipe():
    made = {weights_file(relation, seed, **options) for relation, seed, options in RUNS}
    assert {*made, families.WEIGHTS} == set(families.WEIGHTS.parent.iterdir())


def test_packages_contain_the_weights():
    folders = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    shipped = {path for pattern in folders["patchwork"] for path in Path(patchwork.__file__).parent.glob(pattern)}
    assert {weights_file("own", 0), families.WEIGHTS, recipe.FILE} <= shipped


def test_a_trained_network_is_that_of_the_recipe(banks, monkeypatch):
    lessons = []
    monkeypatch.setattr(
        "train.synthesis.fit", lambda *given, **options: lessons.append((options["question"], options["steps"]))
    )
    model = network("grid", 1, banks["train"])
    torch.manual_seed(1)
    for one, other in zip(model.parameters(), RelationNetwork("grid").parameters(), strict=True):
        assert torch.equal(one, other)
    network("global", 0, banks["train"], question="left", coordinates=True)
    assert lessons == [("same", 300), ("same", 300), ("left", 1500)]


def test_loading_draws_nothing_and_trains_on():
    before = torch.get_rng_state()
    model = trained("window", 1)
    assert torch.equal(torch.get_rng_state(), before)
    assert not model.training
    assert all(weight.requires_grad and weight.dtype == torch.float32 for weight in model.parameters())
    assert model.masks_or_weights.device.type == "cpu"


BAD = {
    r"half must be one of \['train', 'test'\], got 'left'": lambda: texture_features("left"),
    r"dtype must be a floating-point": lambda: texture_features("train", dtype=torch.int64),
    r"features must have shape \(2, K, F\), got \(3, 4\)": lambda: marked_textures(torch.zeros(3, 4), 2),
    r"features must be those of two textures, \(2, K, F\), got \(3, 3, 4\)": lambda: marked_textures(
        torch.zeros(3, 3, 4), 2
    ),
    r"features must hold floating-point": lambda: marked_textures(torch.zeros(2, 3, 4, dtype=torch.int64), 2),
    r"features must not be empty": lambda: marked_textures(torch.zeros(2, 0, 4), 2),
    r"number must be a whole number of at least 1, got 0": lambda: marked_textures(torch.zeros(2, 3, 4), 0),
    r"question must be one of \['same', 'left'\], got 'right'": lambda: marked_textures(
        torch.zeros(2, 3, 4), 1, question="right"
    ),
    r"generator must be a torch.Generator": lambda: marked_textures(torch.zeros(2, 3, 4), 1, generator=3),
    r"relation must be one of \['own', 'convolution', .*\], got 'gcn'": lambda: relation_masks("gcn"),
    r"'knn' depends on the features: give those of one scene": lambda: ceiling("knn"),
    r"'grid' depends on no features": lambda: relation_masks("grid", features=torch.zeros(144, 16)),
    r"question must be one of \['same', 'left'\], got None": lambda: ceiling("grid", question=None),
    r"relation must be one of .*, got 'vit'": lambda: RelationNetwork("vit"),
    r"start must be one of \['tuned', 'identity', 'random'\], got 'zero'": lambda: RelationNetwork("own", start="zero"),
    r"start must be one of \['identity', 'random'\], got 'tuned'": lambda: under_one_recipe("own", start="tuned"),
    r"features must be \(B, 144, 16\), got \(1, 100, 16\)": lambda: RelationNetwork("own")(
        torch.zeros(1, 100, 16), torch.tensor([0])
    ),
    r"marked must have shape \(1,\), got \(2,\)": lambda: RelationNetwork("own")(
        torch.zeros(1, 144, 16), torch.tensor([0, 1])
    ),
    r"marked must lie in 0 … 143, got 144 … 144": lambda: RelationNetwork("own")(
        torch.zeros(1, 144, 16), torch.tensor([144])
    ),
    r"marked must be whole numbers, got torch.float32": lambda: RelationNetwork("own")(
        torch.zeros(1, 144, 16), torch.zeros(1)
    ),
    r"dtypes differ: features torch.float64, weight torch.float32": lambda: RelationNetwork("own")(
        torch.zeros(1, 144, 16, dtype=torch.float64), torch.tensor([0])
    ),
    r"features must not hold NaN": lambda: RelationNetwork("own")(
        torch.full((1, 144, 16), torch.nan), torch.tensor([0])
    ),
    r"steps must be a whole number": lambda: fit(RelationNetwork("own"), torch.zeros(2, 3, 16), steps=0),
    r"number must be a whole number": lambda: fit(RelationNetwork("own"), torch.zeros(2, 3, 16), size=0),
    r"model must be a module": lambda: fit(None, torch.zeros(2, 3, 16)),
    r"expected a module, and scenes as marked_textures draws them; got RelationNetwork and tuple": lambda: (
        accuracy_by_distance(RelationNetwork("own"), ())
    ),
    r"no trained network 'grid-same-7'; there are .*grid-same-0": lambda: trained("grid", 7),
    r"no trained network 'own-left-0'; there are": lambda: trained("own", question="left"),
    r"relation must be one of .*, got 'cnn'": lambda: trained("cnn"),
    r"seed must be a whole number of at least 0, got -1": lambda: trained("grid", -1),
}


@pytest.mark.parametrize("message", BAD)
def test_bad_input_is_named(message):
    with pytest.raises(ValueError, match=message):
        BAD[message]()
