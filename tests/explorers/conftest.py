"""The explorers that the tests share, each made once."""

import functools

import pytest
import torch

from patchwork import synthesis
from patchwork.explorers.answers import AnswersExplorer
from patchwork.explorers.answers import solved as answer_scenes
from patchwork.explorers.attention import AttentionExplorer
from patchwork.explorers.common import photographs
from patchwork.explorers.convolution.widget import (
    ConvolutionExplorer,
)
from patchwork.explorers.graphs import GraphExplorer
from patchwork.explorers.patches import PatchExplorer
from patchwork.explorers.real_network import RealNetworkExplorer
from patchwork.explorers.relations import RelationsExplorer
from patchwork.explorers.relations import look as relations_look
from patchwork.explorers.similarity.widget import SimilarityExplorer
from patchwork.explorers.windows.widget import WindowExplorer
from patchwork.images import load_image, texture_mosaic

PICTURES, ANSWERS, RELATIONS = {}, {}, {}  # what was written, what networks answered, who relates to whom


@pytest.fixture(scope="session")
def photos():
    return {name: load_image(name, size=224) for name in ("astronaut", "coffee", "chelsea")}


@pytest.fixture(scope="session")
def mosaic():
    return texture_mosaic(half="test", generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="session")
def little():
    """A mosaic of 64 patches, and a photograph of as many."""
    mosaic = texture_mosaic(grid=(8, 8), half="test", generator=torch.Generator().manual_seed(1))
    return {"mosaic": mosaic, "coffee": load_image("coffee", size=128)}


@pytest.fixture(scope="session")
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

    def seen(image):
        return tuple(image.shape), image.numpy().tobytes()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(photographs, "encode_picture", once(photographs.encode_picture, written, PICTURES))
        patch.setattr(answer_scenes, "_probabilities", once(answer_scenes._probabilities, answered, ANSWERS))
        patch.setattr(relations_look, "five_relations", once(relations_look.five_relations, seen, RELATIONS))
        yield


def once(function, key, known):
    """The function, called once for all arguments of one key; ``known`` holds what it gave."""

    @functools.wraps(function)
    def remembered(*args, **options):
        found = key(*args, **options)
        if found not in known:
            known[found] = function(*args, **options)
        return known[found]

    return remembered


@pytest.fixture(scope="session")
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
        "guessing": lambda: with_network(RelationsExplorer(cut)),
        "answering": lambda: AnswersExplorer(networks),
        "reading": RealNetworkExplorer,
    }


def with_network(explorer):
    """The relations explorer, which needs the real network for the sixth: ``make test`` fetches it."""
    assert not explorer.missing, explorer.missing
    return explorer


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
def reading(make):
    return make["reading"]()


@pytest.fixture
def fresh(request, make):
    """The explorer of this name."""
    return make[request.param]()


@pytest.fixture(scope="session")
def start(make):
    """The explorers that tests only look at, by the names of their fixtures."""
    return functools.cache(lambda name: make[name]())


@pytest.fixture(
    params=[
        *("explorer", "asking", "looking", "convolving", "comparing", "tying", "guessing", "answering", "reading"),
    ]
)
def each(request, start):
    """Every explorer in turn, as it starts; a test must leave it so."""
    explorer = start(request.param)
    before = repr(explorer)
    yield explorer
    if repr(explorer) != before:
        start.cache_clear()
        pytest.fail(f"{before} became {explorer!r}")


@pytest.fixture(scope="session")
def bundle():
    """What an explorer that tests only look at leaves in a notebook, made once."""
    return functools.cache(lambda explorer: explorer._repr_mimebundle_()[0])
