import itertools
import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from skimage import metrics
from sklearn import neighbors, preprocessing
from sklearn.decomposition import PCA
from sklearn.metrics import pairwise
from torch._subclasses import FakeTensorMode
from torch.autograd import gradcheck, gradgradcheck
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from patchwork import _distances
from patchwork.images import load_image, texture_mosaic
from patchwork.patches import extract_patches, patchify
from patchwork.relations import mean_average_precision
from patchwork.similarity import (
    correlation,
    cosine_similarity,
    gaussian_affinity,
    gradient_energy,
    mahalanobis_distances,
    mean_color,
    nearest_neighbors,
    neighbor_similarity,
    patch_spectrum,
    principal_components,
    squared_distances,
    standardize,
    structural_similarity,
)

HALF = torch.float16, torch.bfloat16
FEATURES = {"spectrum": patch_spectrum, "energy": gradient_energy, "mean": mean_color}
METRICS = "euclidean", "cosine", "correlation"


@pytest.fixture
def normal(generator):
    """Random numbers in float64."""
    return lambda *shape: torch.randn(*shape, dtype=torch.float64, generator=generator)


@pytest.fixture
def pair(rng, normal):
    """Two random sets of patches of one width, which is at least 2."""
    dim = rng.randint(2, 9)
    return normal(rng.randint(1, 9), dim), normal(rng.randint(1, 9), dim)


def covariance(normal, dim):
    data = normal(3 * dim, dim)
    return data.T @ data / len(data) + 0.1 * torch.eye(dim, dtype=torch.float64)


def twice_unit(a):
    return 2 * torch.eye(a.shape[-1], dtype=a.dtype) if isinstance(a, torch.Tensor) and a.is_floating_point() else None


PAIRWISE = {
    "squared": squared_distances,
    "cosine": cosine_similarity,
    "correlation": correlation,
    "mahalanobis": lambda a, b=None: mahalanobis_distances(a, b, covariance=twice_unit(a)),
    "gaussian": lambda a, b=None: gaussian_affinity(a, b, bandwidth=2.0),
}
every_pairwise = pytest.mark.parametrize("compare", PAIRWISE.values(), ids=PAIRWISE)


class Watch(TorchDispatchMode):
    """Watches every operation for the most numbers that a result has, and for float64 on a device that lacks it."""

    numbers, float64 = 0, False

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                self.numbers = max(self.numbers, tensor.numel())
                self.float64 |= tensor.device.type == "mps" and tensor.dtype == torch.float64
        return result


# All pairs, against scipy and scikit-learn


def test_pairs_on_numbers_one_can_check():
    a = torch.tensor([[0.0, 0.0], [3.0, 4.0]])
    b = torch.tensor([[3.0, 0.0], [-4.0, 3.0], [-6.0, -8.0]])
    assert squared_distances(a, b).tolist() == [[9, 25, 100], [16, 50, 225]]
    torch.testing.assert_close(cosine_similarity(a, b), torch.tensor([[0.0, 0.0, 0.0], [0.6, 0.0, -1.0]]))
    torch.testing.assert_close(correlation(a, b), torch.tensor([[0.0, 0.0, 0.0], [-1.0, 1.0, -1.0]]))
    found = mahalanobis_distances(a, b, covariance=torch.diag(torch.tensor([9.0, 16.0])))
    torch.testing.assert_close(found[0], torch.tensor([1.0, (16 / 9 + 9 / 16) ** 0.5, 8**0.5]))
    torch.testing.assert_close(gaussian_affinity(a, b, bandwidth=2.0)[0, 0].log(), torch.tensor(-9 / 8))


def test_distances_are_scipys_and_scikit_learns(pair, normal):
    a, b = pair
    spread = covariance(normal, a.shape[1])
    inverse = np.linalg.inv(spread.numpy())
    for second, given in ((b, b), (a, None)):
        squared, mahalanobis = squared_distances(a, given), mahalanobis_distances(a, given, covariance=spread)
        np.testing.assert_allclose(squared, cdist(a, second, "sqeuclidean"), rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(squared, pairwise.euclidean_distances(a, second, squared=True), atol=1e-12)
        np.testing.assert_allclose(mahalanobis, cdist(a, second, "mahalanobis", VI=inverse), atol=1e-12)
        affinity = gaussian_affinity(a, given, bandwidth=1.7)
        np.testing.assert_allclose(affinity, pairwise.rbf_kernel(a, second, gamma=1 / (2 * 1.7**2)), atol=1e-12)


def test_angles_are_scipys_and_scikit_learns(pair):
    a, b = pair
    for second, given in ((b, b), (a, None)):
        cosines, correlations = cosine_similarity(a, given), correlation(a, given)
        np.testing.assert_allclose(cosines, pairwise.cosine_similarity(a, second), atol=1e-12)
        np.testing.assert_allclose(cosines, 1 - cdist(a, second, "cosine"), atol=1e-12)
        np.testing.assert_allclose(correlations, 1 - cdist(a, second, "correlation"), atol=1e-12)
        assert max(cosines.max(), correlations.max()) <= 1
        assert min(cosines.min(), correlations.min()) >= -1


@every_pairwise
def test_leading_axes_broadcast(rng, normal, compare):
    dim = rng.randint(2, 5)
    a, b = normal(2, 1, rng.randint(1, 4), dim), normal(3, rng.randint(1, 4), dim)
    found = compare(a, b)
    assert found.shape == (2, 3, a.shape[2], b.shape[1])
    for i, j in itertools.product(range(2), range(3)):
        torch.testing.assert_close(found[i, j], compare(a[i, 0], b[j]))
    torch.testing.assert_close(compare(b), torch.stack([compare(part) for part in b]))


@every_pairwise
def test_blocks_of_rows_change_nothing(normal, compare, monkeypatch):
    a, b = normal(2, 7, 3), normal(2, 5, 3)
    whole = compare(a, b), compare(a)
    monkeypatch.setattr(_distances, "_BLOCK", 25)
    torch.testing.assert_close((compare(a, b), compare(a)), whole, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", HALF)
@every_pairwise
def test_half_precision_is_computed_in_more(normal, compare, dtype):
    a, b = normal(4, 6).to(dtype), normal(5, 6).to(dtype)
    found = compare(a, b)
    assert found.dtype == dtype
    torch.testing.assert_close(found, compare(a.double(), b.double()).to(dtype), atol=1e-3, rtol=1e-2)


@every_pairwise
def test_autocast_leaves_pairs_precise(normal, compare):
    a, b = normal(4, 6).float(), normal(5, 6).float()
    expected = compare(a, b)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(compare(a, b), expected)


# The digits that the product loses


def overlapping(name, scale=1.0, offset=0.0):
    """Patches of a photograph that overlap by three quarters, near copies of some, and copies."""
    patches = extract_patches(load_image(name, size=64)[None], 16, stride=4)[0]
    noise = torch.randn(patches[:40].shape, generator=torch.Generator().manual_seed(0))
    moved = patches[:40].clone()
    moved[:, 5] += 1 / 255
    return torch.cat([patches, patches[:40] + 1e-5 * noise, moved, patches[:9]]) * scale + offset


@pytest.fixture(params=[(1.0, 0.0), (1.0, 100.0), (255.0, 0.0)], ids=["unit", "offset", "bytes"])
def photograph(request):
    return torch.cat([overlapping(name, *request.param) for name in ("chelsea", "astronaut")])


def relative(found, expected):
    """The largest relative error, where zero must be exactly zero."""
    assert (found[expected == 0] == 0).all()
    return ((found - expected).abs() / torch.where(expected == 0, 1, expected)).max().item()


@pytest.mark.parametrize("given", [False, True], ids=["one", "two"])
def test_distances_in_float32_are_those_of_float64(photograph, given):
    expected = torch.tensor(cdist(photograph.double(), photograph.double(), "sqeuclidean"))
    found = squared_distances(photograph, photograph.clone() if given else None)
    assert relative(found.double(), expected) < 1e-6
    assert relative(torch.cdist(photograph, photograph).double().square().fill_diagonal_(0), expected + 1e-30) > 0.01
    affinity = gaussian_affinity(photograph, bandwidth=photograph.std().item())
    torch.testing.assert_close(affinity.double(), (-expected / (2 * photograph.std().item() ** 2)).exp())


def test_the_rest_in_float32_is_that_of_float64(photograph):
    exact = photograph.double()
    for compare in (cosine_similarity, correlation):
        torch.testing.assert_close(compare(photograph).double(), compare(exact), atol=1e-6, rtol=0)
    spread = exact.T.cov() + 1e-3 * exact.var() * torch.eye(exact.shape[1])
    rounded = spread.float()
    found = mahalanobis_distances(photograph, covariance=rounded)
    white = np.linalg.solve(np.linalg.cholesky(rounded.double().numpy()), (exact - exact.mean(0)).T.numpy()).T
    expected = cdist(white, white)
    # Copies are whitened in blocks, by as many threads as there are, and so are not always 0 apart.
    torch.testing.assert_close(found.double(), torch.tensor(expected), atol=1e-11, rtol=1e-6)
    grid = (13, 13)
    for metric in METRICS:
        found = neighbor_similarity(photograph[:169], grid, metric)
        for part, of_exact in zip(found, neighbor_similarity(exact[:169], grid, metric), strict=True):
            torch.testing.assert_close(part.double(), of_exact, atol=1e-6, rtol=1e-6)


def test_one_step_of_float32_apart_is_not_copies(generator):
    a = torch.rand(30, 768, generator=generator)
    b = a.clone()
    b[:, 7] = torch.nextafter(a[:, 7], torch.ones(()))
    expected = (b.double() - a.double()).square().sum(1)
    assert relative(squared_distances(a, b).diagonal().double(), expected) < 1e-6


@pytest.fixture
def subtracted(monkeypatch):
    """Collect how many pairs were subtracted, call by call."""
    counts, squares = [], _distances._squares

    def counted(steps):
        if steps.ndim == 2:
            counts.append(len(steps))
        return squares(steps)

    monkeypatch.setattr(_distances, "_squares", counted)
    return counts


def test_few_pairs_are_too_near_for_a_product(photograph, subtracted):
    squared_distances(photograph)
    assert len(photograph) <= sum(subtracted) < 2 * len(photograph)


def test_copies_in_a_flat_picture_are_told_without_subtracting_them(generator, subtracted):
    flat = torch.full((600, 48), 0.3)
    flat[::7] = torch.rand(86, 48, generator=generator)
    flat[1:3] += 1e-6
    expected = torch.tensor(cdist(flat.double(), flat.double(), "sqeuclidean"))
    assert relative(squared_distances(flat).double(), expected) < 1e-6
    assert sum(subtracted) < 4 * 600
    assert relative(squared_distances(flat[400:], flat).double(), expected[400:]) < 1e-6
    assert relative(squared_distances(flat.expand(2, -1, -1))[1].double(), expected) < 1e-6


def test_an_outlier_costs_the_others_no_digits(generator):
    patches = torch.rand(40, 12, generator=generator)
    patches[3] = 1e8
    expected = torch.tensor(cdist(patches.double(), patches.double(), "sqeuclidean"))
    assert relative(squared_distances(patches).double(), expected) < 1e-6


@every_pairwise
@pytest.mark.parametrize("size", [1e-25, 1e25])
def test_tiny_and_huge_numbers(normal, compare, size):
    a = normal(4, 6)
    found = compare((a * size).float())
    assert found.isfinite().all() or compare in (PAIRWISE["squared"], PAIRWISE["mahalanobis"])
    if compare in (cosine_similarity, correlation):
        torch.testing.assert_close(found.double(), compare(a), atol=1e-6, rtol=0)


def test_neighbors_of_tiny_and_huge_numbers(normal):
    a = normal(6, 5)
    for metric, size in itertools.product(METRICS, (1e-25, 1e25)):
        found = neighbor_similarity((a * size).float(), (2, 3), metric)
        expected = neighbor_similarity(a, (2, 3), metric)
        for part, known in zip(found, expected, strict=True):
            unit = size if metric == "euclidean" else 1
            torch.testing.assert_close(part.double() / unit, known, atol=1e-6, rtol=1e-6)


# What has no direction, and what has no slope


def test_zeros_and_constants_are_like_nothing(normal):
    a = normal(4, 5)
    a[1], a[2] = 0, 0.1
    assert (cosine_similarity(a)[1] == 0).all()
    assert (cosine_similarity(a)[:, 1] == 0).all()
    assert (correlation(a)[1:3] == 0).all()
    right, _ = neighbor_similarity(a, (1, 4), "cosine")
    assert right[0, :2].tolist() == [0, 0]
    right, _ = neighbor_similarity(a, (1, 4), "correlation")
    assert right.tolist() == [[0, 0, 0]]


@every_pairwise
def test_gradients_of_pairs(pair, compare):
    a, b = (part.requires_grad_() for part in pair)
    assert gradcheck(compare, (a, b))
    assert gradcheck(compare, a)
    assert gradgradcheck(compare, (a, b))


def test_gradients_of_the_covariance(pair, normal):
    a, b = (part.requires_grad_() for part in pair)
    root = normal(a.shape[1], a.shape[1]).requires_grad_()
    unit = torch.eye(a.shape[1], dtype=torch.float64)
    assert gradcheck(lambda a, b, r: mahalanobis_distances(a, b, covariance=r @ r.T + unit), (a, b, root))


def test_gradients_of_neighbors_and_features(normal):
    features, images = normal(6, 4).requires_grad_(), normal(2, 3, 5, 4).requires_grad_()
    for metric in METRICS:
        assert gradcheck(lambda x, metric=metric: neighbor_similarity(x, (2, 3), metric), features)
    for feature in FEATURES.values():
        assert gradcheck(feature, features)
    assert gradcheck(lambda x, r: standardize(x, reference=r), (features, normal(5, 4).requires_grad_()))
    assert gradcheck(standardize, features)
    other = normal(2, 3, 5, 4).requires_grad_()
    assert gradcheck(lambda a, b: structural_similarity(a, b, window_size=3, data_range=1), (images, other))
    assert gradcheck(lambda q, d: nearest_neighbors(q, d, 2)[0], (features, normal(2, 5, 4).requires_grad_()))


SMOOTH = {
    **PAIRWISE,
    "narrow": lambda x: gaussian_affinity(x, bandwidth=1e-300),
    "nearest": lambda x: nearest_neighbors(x, x, 2)[0],
    "standardize": standardize,
    "spectrum": lambda x: patch_spectrum(x.expand(-1, 4)),
    **{f"next {metric}": lambda x, metric=metric: neighbor_similarity(x, (3, 1), metric)[1] for metric in METRICS},
}


@pytest.mark.parametrize("smooth", SMOOTH.values(), ids=SMOOTH)
@pytest.mark.parametrize("values", [[0.0, 0.0, 0.0], [2.0, 2.0, 2.0], [1.0, 1.0, 3.0]], ids=str)
def test_copies_have_finite_gradients(smooth, values):
    patches = torch.tensor(values).unsqueeze(1).expand(3, 4).clone().requires_grad_()
    found = smooth(patches if smooth is not SMOOTH["spectrum"] else patches[:, :1])
    (grad,) = torch.autograd.grad(found.sum(), patches)
    assert found.isfinite().all()
    assert grad.isfinite().all()


def test_near_copies_have_unit_gradients(normal):
    a = normal(1, 8)
    step = normal(1, 8)
    b = (a + 1e-9 * step).requires_grad_()
    distance = mahalanobis_distances(a, b, covariance=torch.eye(8, dtype=torch.float64))
    (grad,) = torch.autograd.grad(distance.sum(), b)
    torch.testing.assert_close(grad, step / step.norm(), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", [*PAIRWISE, "standardize", "next correlation"])
def test_transforms_of_torch_func(normal, name):
    function, x = SMOOTH[name], normal(2, 3, 4)
    torch.testing.assert_close(torch.func.vmap(function)(x), torch.stack([function(part) for part in x]))
    known = torch.autograd.functional.jacobian(function, x[0])
    torch.testing.assert_close(torch.func.jacrev(function)(x[0]), known)


def test_copies_are_not_less_than_nothing_apart_under_transforms(normal):
    x = (normal(2, 20, 50) + 100).repeat(1, 9, 1)
    assert (torch.func.vmap(squared_distances)(x) >= 0).all()


def test_the_diagonal_is_zero_under_transforms_too(normal, monkeypatch):
    x = normal(2, 5, 7) + 100
    assert (torch.func.vmap(squared_distances)(x).diagonal(dim1=1, dim2=2) == 0).all()
    monkeypatch.setattr(_distances, "_BLOCK", 10)
    assert (torch.func.vmap(squared_distances)(x).diagonal(dim1=1, dim2=2) == 0).all()


# SSIM


@pytest.mark.parametrize("window", [3, 7, 11])
@pytest.mark.parametrize(("scale", "offset"), [(1.0, 0.0), (255.0, 0.0), (1.0, 100.0)])
def test_ssim_is_scikit_images(rng, generator, window, scale, offset):
    shape = [window + rng.randint(0, 9) for _ in "hw"]
    a, b = (scale * torch.rand(2, 3, *shape, dtype=torch.float64, generator=generator) + offset for _ in "ab")
    b = 0.7 * a + 0.3 * b
    found = structural_similarity(a, b, window_size=window, data_range=scale)
    given = {"win_size": window, "data_range": scale}
    for image, other, score in zip(a, b, found, strict=True):
        known = metrics.structural_similarity(image.numpy(), other.numpy(), channel_axis=0, **given)
        np.testing.assert_allclose(score, known, rtol=1e-7)
        torch.testing.assert_close(structural_similarity(image, other, window_size=window, data_range=scale), score)
    known = metrics.structural_similarity(a[0, 0].numpy(), b[0, 0].numpy(), **given)
    gray = structural_similarity(a[0, 0], b[0, 0], window_size=window, data_range=scale)
    np.testing.assert_allclose(gray, known, rtol=1e-7)
    assert gray.shape == ()


def test_ssim_of_one_window_is_its_formula(normal):
    a, b = normal(4, 4), normal(4, 4)
    (means, spread), covariance = zip(*((x.mean(), x.var()) for x in (a, b)), strict=True), torch.stack((a, b))
    covariance = covariance.flatten(1).cov()[0, 1]
    c1, c2 = 0.01**2, 0.03**2
    brightness = (2 * means[0] * means[1] + c1) / (means[0] ** 2 + means[1] ** 2 + c1)
    expected = brightness * (2 * covariance + c2) / (sum(spread) + c2)
    torch.testing.assert_close(structural_similarity(a, b, window_size=4, data_range=1.0), expected)


def test_ssim_without_a_data_range_is_of_images_in_the_unit_interval(generator):
    a, b = torch.rand(2, 1, 8, 9, dtype=torch.float64, generator=generator)
    a = 2 * a - 0.5  # as far as noise may take it
    torch.testing.assert_close(structural_similarity(a, b), structural_similarity(a, b, data_range=1.0))
    levels = structural_similarity(255 * a, 255 * b, data_range=255)
    torch.testing.assert_close(levels, structural_similarity(a, b))
    mapped = torch.func.vmap(lambda a: structural_similarity(a, a, window_size=3))(a)
    torch.testing.assert_close(mapped, torch.ones(1, dtype=torch.float64))


def test_ssim_in_less_precision(generator):
    a, b = torch.rand(2, 1, 3, 12, 12, generator=generator)
    torch.testing.assert_close(structural_similarity(a, b), structural_similarity(a.double(), b.double()).float())
    for dtype in HALF:
        assert structural_similarity(a.to(dtype), b.to(dtype)).dtype == dtype
    assert structural_similarity(a, a).item() == 1
    flat = torch.zeros(1, 8, 8)
    assert structural_similarity(flat, flat) == 1


# Neighbors on the grid


def test_neighbors_are_pairs_of_the_grid(rng, normal):
    rows, columns = rng.randint(1, 7), rng.randint(1, 7)
    features = normal(2, rows * columns, rng.randint(2, 5))
    for metric, pairs in {
        "euclidean": lambda x: squared_distances(x).sqrt(),
        "cosine": cosine_similarity,
        "correlation": correlation,
    }.items():
        right, down = neighbor_similarity(features, (rows, columns), metric)
        assert right.shape == (2, rows, columns - 1)
        assert down.shape == (2, rows - 1, columns)
        relation = pairs(features).view(2, rows, columns, rows, columns)
        for r, c in itertools.product(range(rows), range(columns)):
            if c + 1 < columns:
                torch.testing.assert_close(right[:, r, c], relation[:, r, c, r, c + 1])
            if r + 1 < rows:
                torch.testing.assert_close(down[:, r, c], relation[:, r, c, r + 1, c])


@pytest.mark.parametrize("metric", METRICS)
def test_neighbors_keep_the_dtype_and_never_hold_all_pairs(generator, metric):
    features = torch.rand(400, 4, generator=generator)
    with Watch() as watch:
        expected = neighbor_similarity(features, (20, 20), metric)
    assert watch.numbers <= features.numel()
    for dtype in HALF:
        for part, known in zip(neighbor_similarity(features.to(dtype), (20, 20), metric), expected, strict=True):
            assert part.dtype == dtype
            torch.testing.assert_close(part.float(), known, atol=0.05, rtol=0.05)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert all(map(torch.equal, neighbor_similarity(features, (20, 20), metric), expected))


# The nearest


def brute(queries, database, k):
    """Distances in float64 by differences, sorted; among equal ones the first come first."""
    queries, database = queries.double().numpy(), database.double().numpy()
    distances = np.sqrt([((query - database) ** 2).sum(-1) for query in queries])
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(distances, order, 1), order


def levels(monkeypatch):
    """Record how many rows each search was for: by a coarse product, a fine one, more candidates, all of them."""
    counts = []

    def counted(name, of):
        function = getattr(_distances, name)
        monkeypatch.setattr(_distances, name, lambda *args: (counts.append((name, of(args))), function(*args))[1])

    counted("_search_among", lambda args: (len(args[0]), args[4], args[5]))
    counted("_search_among_all", lambda args: 1)
    return counts


def test_the_nearest_are_scikit_learns(rng, generator):
    dim, number = rng.randint(1, 40), rng.randint(5, 400)
    queries, database = (torch.rand(n, dim, generator=generator, dtype=torch.float64) for n in (30, number))
    k = rng.randint(1, number)
    theirs = neighbors.NearestNeighbors(n_neighbors=k, algorithm="brute").fit(database).kneighbors(queries)
    for dtype in (torch.float64, torch.float32):
        distances, indices = nearest_neighbors(queries.to(dtype), database.to(dtype), k, chunk_size=rng.randint(1, 40))
        np.testing.assert_allclose(distances, theirs[0], atol=1e-6 if dtype == torch.float32 else 1e-12)
        assert distances.dtype == dtype
        known = brute(queries.to(dtype), database.to(dtype), k)
        assert np.array_equal(indices, known[1])
        np.testing.assert_allclose(distances, known[0], rtol=1e-6 if dtype == torch.float32 else 1e-12)


def test_the_nearest_patches_of_a_photograph(photograph, monkeypatch):
    counts = levels(monkeypatch)
    distances, indices = nearest_neighbors(photograph, photograph, 5, chunk_size=100)
    known = brute(photograph, photograph, 5)
    assert np.array_equal(indices, known[1])
    np.testing.assert_allclose(distances, known[0], rtol=1e-6)
    (_, first), (_, (rows, *how)) = counts[:2]
    assert first == (len(photograph), torch.float32, 8)
    assert how == [torch.float64, 8]  # float32 alone does not prove all
    assert 0 < rows < len(photograph)


def test_the_nearest_where_float32_sees_nothing(generator, monkeypatch):
    far = torch.zeros(300, 64)
    far[:150] = 3e3
    database = far + torch.rand(300, 64, generator=generator)
    counts = levels(monkeypatch)
    distances, indices = nearest_neighbors(database, database, 4)
    known = brute(database, database, 4)
    assert np.array_equal(indices, known[1])
    np.testing.assert_allclose(distances, known[0], rtol=1e-6)
    assert [count for _, count in counts] == [(300, torch.float32, 7), (300, torch.float64, 7)]
    blunt = (torch.cdist(database, database) + 0.0).topk(4, largest=False).indices
    assert not np.array_equal(blunt.sort().values, np.sort(known[1]))


def test_the_nearest_of_float64_far_from_zero(generator):
    database = 1e6 + torch.rand(300, 16, dtype=torch.float64, generator=generator)
    distances, indices = nearest_neighbors(database, database, 4)
    known = brute(database, database, 4)
    assert np.array_equal(indices, known[1])
    np.testing.assert_allclose(distances, known[0], rtol=1e-12)


@pytest.mark.parametrize("copies", [20, 400], ids=["some", "many"])
def test_among_copies_the_first_come_first(generator, copies, monkeypatch):
    database = torch.rand(500, 6, generator=generator)
    same = torch.randperm(500, generator=generator)[:copies].sort().values
    database[same] = database[same[0]].clone()
    counts = levels(monkeypatch)
    distances, indices = nearest_neighbors(database, database, 8)
    assert (indices[same] == same[:8]).all()
    assert (distances[same] == 0).all()
    assert np.array_equal(indices, brute(database, database, 8)[1])
    assert [count[1:] for _, count in counts[:3]] == [(torch.float32, 11), (torch.float64, 11), (torch.float64, 258)]
    assert (counts[-1][0] == "_search_among_all") == (copies > 258)
    assert len(counts) < 3 + 500 - copies  # the copies share one search


def test_ties_on_a_grid_of_numbers(rng):
    places = torch.cartesian_prod(torch.arange(12.0), torch.arange(12.0))
    k = rng.randint(1, 144)
    distances, indices = nearest_neighbors(places, places, k)
    known = brute(places, places, k)
    assert np.array_equal(indices, known[1])
    np.testing.assert_allclose(distances, known[0], rtol=1e-6)


@pytest.mark.parametrize("size", [1e-30, 1e-21, 1e-12, 1e12, 1e19, 1e30])
def test_the_nearest_of_tiny_and_huge_numbers(generator, size):
    database = (torch.rand(600, 3, generator=generator) * size).float()
    distances, indices = nearest_neighbors(database[:99], database, 5)
    known = brute(database[:99], database, 5)
    assert np.array_equal(indices, known[1])
    np.testing.assert_allclose(distances, known[0], rtol=1e-6)


def test_a_coarser_product_is_not_asked(generator, monkeypatch):
    database = torch.rand(200, 12, generator=generator)
    known = nearest_neighbors(database, database, 3)

    def refuse():
        raise RuntimeError("set by backend")

    for setting in (lambda: "medium", refuse):
        monkeypatch.setattr(torch, "get_float32_matmul_precision", setting)
        dtypes = [dtype for dtype, _ in _distances._proposals(3)]
        assert set(dtypes) == {torch.float64}
        assert all(map(torch.equal, nearest_neighbors(database, database, 3), known))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert all(map(torch.equal, nearest_neighbors(database, database, 3), known))


def test_the_nearest_with_leading_axes_and_half_precision(normal):
    queries, database = normal(2, 1, 3, 4), normal(3, 6, 4)
    distances, indices = nearest_neighbors(queries, database, 2)
    assert distances.shape == indices.shape == (2, 3, 3, 2)
    for i, j in itertools.product(range(2), range(3)):
        one = nearest_neighbors(queries[i, 0], database[j], 2)
        assert torch.equal(distances[i, j], one[0])
        assert torch.equal(indices[i, j], one[1])
    for dtype in HALF:
        rounded = queries[0, 0].to(dtype), database[0].to(dtype)
        found = nearest_neighbors(*rounded, 2)
        assert found[0].dtype == dtype
        assert np.array_equal(found[1], brute(*rounded, 2)[1])


def test_the_nearest_are_never_all_distances_at_once(generator):
    database, size = torch.rand(3000, 8, generator=generator), 50
    with Watch() as watch:
        nearest_neighbors(database, database, 5, chunk_size=size)
    assert watch.numbers <= 1.1 * size * len(database)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_no_sum_errs_more_than_the_bound_allows(generator, dtype):
    a, b = (10 ** torch.rand(80, 1, generator=generator) * torch.randn(80, 300, generator=generator) for _ in "ab")
    a, b = a.to(dtype) + 5, b.to(dtype) + 5
    center = b.mean(0)
    product = torch.addmm((b - center).square().sum(1), a - center, (b - center).T, alpha=-2)
    product += (a - center).square().sum(1, keepdim=True)
    exact = torch.tensor(cdist(a.double(), b.double(), "sqeuclidean"))
    lengths = (a - center).double().norm(dim=1, keepdim=True) + (b - center).double().norm(dim=1)
    error = (product.double() - exact).abs() / (304 * torch.finfo(dtype).eps * lengths**2)
    assert 0 < error.max() < 1


# Features


def test_the_spectrum_is_numpys(rng, normal):
    channels, size = rng.randint(1, 3), rng.randint(2, 7)
    images = normal(2, channels, 2 * size, 3 * size)
    found = patch_spectrum(patchify(images, size), channels=channels, floor=0.3)
    squares = patchify(images, size).view(2, 6, channels, size, size).numpy()
    known = np.log(np.abs(np.fft.rfft2(squares)) + 0.3).reshape(2, 6, channels, -1)[..., 1:].reshape(2, 6, -1)
    np.testing.assert_allclose(found, known, atol=1e-10)


def test_the_spectrum_is_that_of_the_chapters():
    image, _ = texture_mosaic(grid=(4, 4), generator=torch.Generator().manual_seed(0))
    squares = patchify(image[None], 16)[0].view(-1, 16, 16)
    squares = squares - squares.mean((1, 2), keepdim=True)
    chapters = (torch.fft.rfft2(squares).abs().flatten(1)[:, 1:] + 0.1).log()
    assert torch.equal(patch_spectrum(patchify(image[None], 16)[0]), chapters)


def test_what_features_ignore(rng, normal):
    size = rng.randint(2, 8)
    images = normal(5, 1, size, size)
    shift = (rng.randint(0, size), rng.randint(0, size))
    patches, moved = images.flatten(1), images.roll(shift, (2, 3)).flatten(1)
    torch.testing.assert_close(patch_spectrum(moved), patch_spectrum(patches))
    torch.testing.assert_close(patch_spectrum(patches + 3), patch_spectrum(patches))
    torch.testing.assert_close(gradient_energy(patches + 3), gradient_energy(patches))
    torch.testing.assert_close(gradient_energy(2 * patches), 4 * gradient_energy(patches))
    torch.testing.assert_close(mean_color(moved), mean_color(patches))
    turned = images.mT.flatten(1)
    torch.testing.assert_close(gradient_energy(turned), gradient_energy(patches).flip(-1))


def test_energies_and_means_are_loops(rng, normal):
    channels, size = rng.randint(1, 3), rng.randint(2, 5)
    patches = normal(3, channels * size * size)
    squares = patches.view(3, channels, size, size)
    for number, channel in itertools.product(range(3), range(channels)):
        square = squares[number, channel]
        pairs = list(itertools.product(range(size - 1), range(size)))
        down = sum((square[i + 1, j] - square[i, j]) ** 2 for i, j in pairs) / len(pairs)
        right = sum((square[j, i + 1] - square[j, i]) ** 2 for i, j in pairs) / len(pairs)
        found = gradient_energy(patches, channels=channels)[number, 2 * channel : 2 * channel + 2]
        torch.testing.assert_close(found, torch.stack([down, right]))
        torch.testing.assert_close(mean_color(patches, channels=channels)[number, channel], square.mean())


@pytest.mark.parametrize("feature", FEATURES.values(), ids=FEATURES)
@pytest.mark.parametrize("dtype", [torch.float32, *HALF])
def test_features_keep_the_dtype(generator, feature, dtype):
    patches = torch.rand(2, 3, 48, generator=generator)
    found = feature(patches.to(dtype), channels=3)
    assert found.dtype == dtype
    torch.testing.assert_close(found.float(), feature(patches, channels=3), atol=0.1, rtol=0.05)


def test_principal_components_are_scikit_learns(rng, normal):
    number, dim = rng.randint(4, 12), rng.randint(4, 12)
    features, k = normal(number, dim) * torch.arange(1, dim + 1) + 5, rng.randint(1, 4)
    scores, shares = principal_components(features, k)
    peer = PCA(k, svd_solver="full")
    torch.testing.assert_close(scores, torch.from_numpy(peer.fit_transform(features.numpy())))
    torch.testing.assert_close(shares, torch.from_numpy(peer.explained_variance_ratio_))


def test_all_principal_components_keep_all_distances(rng, normal):
    features = normal(rng.randint(3, 9), rng.randint(2, 6))
    scores, shares = principal_components(features, min(features.shape))
    torch.testing.assert_close(squared_distances(scores), squared_distances(features))
    torch.testing.assert_close(shares.sum(), torch.ones_like(shares[0]))
    torch.testing.assert_close(scores.mean(0), torch.zeros_like(scores[0]))


def test_principal_components_of_copies_are_nothing(normal):
    scores, shares = principal_components(normal(1, 4).repeat(5, 1), 3)
    assert scores.tolist() == [[0] * 3] * 5
    assert shares.tolist() == [0] * 3


def test_the_largest_principal_component_has_a_gradient(normal):
    assert gradcheck(lambda x: principal_components(x, 2), normal(5, 3).requires_grad_())


@pytest.mark.parametrize(("shape", "k"), [((3, 5), 4), ((5, 3), 4), ((5, 3), 0), ((5, 3), 1.5), ((5,), 1)])
def test_impossible_principal_components_are_refused(normal, shape, k):
    with pytest.raises(ValueError, match=r"^k |^features "):
        principal_components(normal(*shape), k)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_principal_components_need_numbers(normal, bad):
    features = normal(4, 3)
    features[1, 2] = bad
    with pytest.raises(ValueError, match="features must be finite"):
        principal_components(features, 2)
    with pytest.raises(ValueError, match="floating"):
        principal_components(torch.arange(6).view(3, 2), 1)


def test_standardized_features_are_scikit_learns(rng, normal):
    features, reference = 5 * normal(rng.randint(2, 9), 4) + 100, normal(rng.randint(2, 9), 4)
    features[:, 1] = reference[:, 2] = 0.1
    expected = preprocessing.StandardScaler().fit_transform(features)
    torch.testing.assert_close(standardize(features), torch.tensor(expected))
    expected = preprocessing.StandardScaler().fit(reference).transform(features)
    torch.testing.assert_close(standardize(features, reference=reference), torch.tensor(expected))
    several = torch.stack([features, 2 * features])
    torch.testing.assert_close(standardize(several)[1], standardize(features))
    assert standardize(features[:1]).tolist() == [[0, 0, 0, 0]]


def test_the_representation_beats_the_metric():
    scores = []
    for seed in range(4):
        image, labels = texture_mosaic(half="test", generator=torch.Generator().manual_seed(seed))
        patches = patchify(image[None], 16)[0]
        views = patches, mean_color(patches), gradient_energy(patches), standardize(patch_spectrum(patches))
        scores.append([mean_average_precision(-squared_distances(view), labels) for view in views])
    pixels, means, energies, spectra = torch.tensor(scores).mean(0)
    assert max(pixels, means) < 0.5 < 0.6 < energies < spectra
    assert spectra > 0.75


# Devices


NEED_FLOAT64 = {
    "pairs": lambda a: gaussian_affinity(a, bandwidth=1.0),
    "whitened": lambda a: mahalanobis_distances(a, covariance=torch.eye(4, device=a.device)),
    "ssim": lambda a: structural_similarity(a, a, window_size=3),
    "nearest": lambda a: nearest_neighbors(a, a, 2),
    "standardize": standardize,
}


@pytest.mark.parametrize("compute", NEED_FLOAT64.values(), ids=NEED_FLOAT64)
def test_a_device_without_float64_is_spared_it(compute):
    with FakeTensorMode(), Watch() as watch:
        found = compute(torch.empty(5, 4, device="mps"))
        assert {str(part.device) for part in tree_leaves(found)} == {"mps:0"}
        assert not watch.float64
        torch.empty(1, device="mps", dtype=torch.float64)
        assert watch.float64


# Bad input

A, B, IMAGE = torch.zeros(3, 4), torch.zeros(5, 4), torch.zeros(1, 8, 8)
LEVELS = torch.linspace(0, 255, 64).view(1, 8, 8)
COUNT = "must be a whole number of at least"


def bad(call, message):
    """One wrong call, and what its error must say."""
    return pytest.param(call, message, id=message)


def mahalanobis(matrix, a=A):
    return lambda: mahalanobis_distances(a, covariance=matrix)


def ssim(a=IMAGE, b=IMAGE, **options):
    return lambda: structural_similarity(a, b, **options)


def near(queries=A, database=B, k=2, **options):
    return lambda: nearest_neighbors(queries, database, k, **options)


def spoiled(value):
    return torch.tensor([[0.0, value, 0.0, 0.0]])


@pytest.mark.parametrize(
    "compare", [*PAIRWISE.values(), near(), standardize], ids=[*PAIRWISE, "nearest", "standardize"]
)
def test_bad_pairs_are_named(compare):
    if compare is standardize:
        calls = {"features": lambda a, b: standardize(a, reference=b), "reference": None}
    elif compare in PAIRWISE.values():
        calls = {"a": compare, "b": None}
    else:
        calls = {"queries": lambda a, b: nearest_neighbors(a, b, 1), "database": None}
    (first, call), (second, _) = calls.items()
    for a, b, message in [
        ([[1.0]], B, rf"{first} must be a tensor \(…, N, D\), got list"),
        (A[0], B, rf"{first} must have shape \(…, N, D\), got \(4,\)"),
        (A, B[0], rf"{second} must have shape \(…, N, D\), got \(4,\)"),
        (A[:0], B, rf"{first} must not be empty"),
        (A, B[:, :0], rf"{second} must not be empty"),
        (A.int(), B, rf"{first} must hold floating-point numbers, got torch.int32"),
        (A, B.long(), rf"{second} must hold floating-point numbers, got torch.int64"),
        (A, B.double(), rf"dtypes differ: {first} torch.float32, {second} torch.float64"),
        (A, B.to("meta"), rf"devices differ: {first} on cpu, {second} on meta"),
        (A, B[:, :3], rf"{first} has patches of 4 numbers, {second} of 3"),
        (A.expand(2, 3, 4), B.expand(3, 5, 4), rf"the leading axes of {first} \(2, 3, 4\) and {second} \(3, 5, 4\) do"),
        (A.to_sparse(), B, rf"{first} must be dense"),
    ]:
        with pytest.raises(ValueError, match=message):
            call(a, b)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        bad(mahalanobis(torch.eye(3)), r"covariance must have shape \(4, 4\), got \(3, 3\)"),
        bad(mahalanobis(torch.ones(4)), r"covariance must have shape \(D, D\), got \(4,\)"),
        bad(mahalanobis(torch.eye(4).int()), r"covariance must hold floating-point numbers, got torch.int32"),
        bad(mahalanobis(torch.eye(4).double()), r"dtypes differ: patches torch.float32, covariance torch.float64"),
        bad(mahalanobis(torch.eye(4).to("meta")), r"devices differ: patches on cpu, covariance on meta"),
        bad(mahalanobis(torch.full((4, 4), torch.nan)), r"covariance must not hold NaN, found 16 of 16"),
        bad(mahalanobis(torch.eye(4).roll(1, 0)), r"covariance must be symmetric"),
        bad(mahalanobis(torch.ones(4, 4)), r"covariance must be positive definite, but its smallest eigenvalue is"),
        bad(mahalanobis(-torch.eye(4)), r"its smallest eigenvalue is -1; add a small multiple of the identity"),
        bad(lambda: gaussian_affinity(A, bandwidth=0), r"bandwidth must be a finite number above 0, got 0"),
        bad(lambda: gaussian_affinity(A, bandwidth=math.nan), r"bandwidth must be a finite number above 0, got nan"),
        bad(lambda: gaussian_affinity(A, bandwidth="1"), r"bandwidth must be a finite number above 0, got '1'"),
        bad(ssim([[1.0]]), r"a must be a tensor \(…, H, W\), got list"),
        bad(ssim(IMAGE[0, 0]), r"a must have shape \(…, H, W\), got \(8,\)"),
        bad(
            ssim(IMAGE.expand(1, 1, 1, 8, 8)), r"a must have shape \(B, C, H, W\), \(C, H, W\) or \(H, W\), got \(1, 1"
        ),
        bad(ssim(b=IMAGE[0]), r"a and b must have one shape, got \(1, 8, 8\) and \(8, 8\)"),
        bad(ssim(b=IMAGE.int()), r"b must hold floating-point numbers, got torch.int32"),
        bad(ssim(b=IMAGE.double()), r"dtypes differ: a torch.float32, b torch.float64"),
        bad(ssim(window_size=9), r"a window of 9×9 pixels does not fit into an image of 8×8"),
        bad(ssim(window_size=1), rf"window_size {COUNT} 2, got 1"),
        bad(ssim(LEVELS), r"a holds values from 0 to 255, expected images in \[0, 1\]; for others give data_range"),
        bad(ssim(b=LEVELS), r"b holds values from 0 to 255, .*, as data_range=255 for those in 0 … 255"),
        bad(ssim(LEVELS / 127.5 - 1), r"a holds values from -1 to 1, expected images in \[0, 1\]"),
        bad(ssim(data_range=0), r"data_range must be a finite number above 0, got 0"),
        bad(lambda: neighbor_similarity(A[0], (1, 3), "cosine"), r"features must have shape \(…, N, D\), got \(4,\)"),
        bad(lambda: neighbor_similarity(A, (2, 2), "cosine"), r"grid 2×2 has 4 patches, got N = 3"),
        bad(lambda: neighbor_similarity(A, 3, "cosine"), r"grid must be a pair \(rows, columns\), got 3"),
        bad(lambda: neighbor_similarity(A, (1, 3), "l2"), r"metric must be one of \[.euclidean., .*\], got 'l2'"),
        bad(lambda: neighbor_similarity(A.int(), (1, 3), "cosine"), r"features must hold floating-point numbers"),
        bad(near(k=6), r"k = 6 neighbors are more than the N = 5 patches of the database"),
        bad(near(k=0), rf"k {COUNT} 1, got 0"),
        bad(near(k=1.5), rf"k {COUNT} 1, got 1.5"),
        bad(near(chunk_size=0), rf"chunk_size {COUNT} 1, got 0"),
        bad(near(spoiled(torch.nan)), r"queries must be finite, found NaN or infinity"),
        bad(near(database=spoiled(-torch.inf), k=1), r"database must be finite, found NaN or infinity"),
        bad(lambda: patch_spectrum(A[0]), r"patches must have shape \(…, N, D\), got \(4,\)"),
        bad(lambda: patch_spectrum(A.int()), r"patches must hold floating-point numbers, got torch.int32"),
        bad(lambda: patch_spectrum(torch.ones(2, 6)), r"a patch of 6 numbers is not 1 channel\(s\) of P×P pixels"),
        bad(lambda: patch_spectrum(torch.ones(2, 3), channels=3), r"3 numbers is not .* with P of at least 2"),
        bad(lambda: patch_spectrum(A, floor=0), r"floor must be a finite number above 0, got 0"),
        bad(lambda: gradient_energy(A, channels=0), rf"channels {COUNT} 1, got 0"),
        bad(lambda: gradient_energy(A, channels=5), r"a patch of 4 numbers is not 5 channel\(s\) of P×P pixels"),
        bad(lambda: gradient_energy(A, channels=4), r"a patch of 4 numbers is not 4 .* with P of at least 2"),
        bad(lambda: mean_color(A, channels=3), r"a patch of 4 numbers is not 3 channel\(s\) of P×P pixels"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@every_pairwise
def test_nan_reaches_its_own_row_and_column_and_no_more(normal, compare):
    a = normal(5, 4)
    a[2, 1] = torch.nan
    spoiled = torch.zeros(5, 5, dtype=torch.bool)
    spoiled[2] = spoiled[:, 2] = True
    assert torch.equal(compare(a).isnan(), spoiled)
    a[2, 1] = torch.inf
    assert torch.equal(compare(a)[[0, 1, 3, 4]][:, [0, 1, 3, 4]].isnan(), torch.zeros(4, 4, dtype=torch.bool))


def test_the_infinite_are_infinitely_far():
    a = torch.tensor([[0.0, 1.0], [torch.inf, 1.0], [2.0, 3.0]])
    assert squared_distances(a)[0].tolist() == [0, torch.inf, 8]
    assert gaussian_affinity(a, bandwidth=1.0)[0, 1] == 0


def test_nan_elsewhere(normal):
    features = normal(6, 4)
    features[1, 2] = torch.nan
    right, down = neighbor_similarity(features, (2, 3), "cosine")
    assert right.isnan().tolist() == [[True, True], [False, False]]
    assert down.isnan().tolist() == [[False, True, False]]
    for feature in FEATURES.values():
        assert feature(features).isnan().any(1).tolist() == [False, True, False, False, False, False]
    assert standardize(features).isnan().all(0).tolist() == [False, False, True, False]
    image = torch.zeros(1, 8, 9)
    image[0, 0, 0] = torch.nan
    assert structural_similarity(image, image).isnan()
