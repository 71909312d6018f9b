"""Measure what chapter 8 says of a real network's features: ``python book/measure_real_features.py [part …]``.

The parts are the functions in ``PARTS``; without a name those are measured that are not stored yet. Each is stored in
``src/patchwork/measured/real_features.json``, with one number for each photograph, mosaic or row, so that the chapter
can tell the spread. Ten photographs come with scikit-image and scikit-learn. What is chosen is chosen on training
mosaics. All together takes about 40 minutes on one core.
"""

import json
import math
import pathlib
import sys
import time

import skimage
import sklearn
import torch
import torch.nn.functional as F
from scipy.stats import spearmanr
from sklearn.metrics import adjusted_rand_score
from transformers import AutoModel

from patchwork.attention import attention_rollout
from patchwork.graphs import (
    k_means,
    knn_graph,
    normalize_adjacency,
    normalized_cut,
    radius_graph,
    spectral_clustering,
    spectral_embedding,
    weight_edges,
)
from patchwork.images import load_image, stereo_pair, texture_mosaic
from patchwork.patches import patch_centers, patchify
from patchwork.pretrained import PretrainedViT, load_vit
from patchwork.relations import same_region_auc
from patchwork.similarity import cosine_similarity, neighbor_similarity, patch_spectrum, squared_distances, standardize

STORED = pathlib.Path(__file__).parents[1] / "src/patchwork/measured/real_features.json"
P, SIDE, WIDE = 14, 224, 320
_SCIKIT_IMAGE, _SCIKIT_LEARN = pathlib.Path(skimage.data_dir), pathlib.Path(sklearn.__file__).parent
PHOTOGRAPHS = {name: name for name in ("astronaut", "camera", "chelsea", "coffee")}
PHOTOGRAPHS |= {file.split(".")[0]: _SCIKIT_IMAGE / file for file in ("rocket.jpg", "motorcycle_left.png", "coins.png")}
PHOTOGRAPHS["hubble"] = _SCIKIT_IMAGE / "hubble_deep_field.jpg"
PHOTOGRAPHS |= {name: _SCIKIT_LEARN / f"datasets/images/{name}.jpg" for name in ("china", "flower")}


def untrained(model):
    """Return the same network with initial weights, drawn from seed 0."""
    torch.manual_seed(0)
    backbone = AutoModel.from_config(model.backbone.config, attn_implementation="eager").eval()
    return PretrainedViT(backbone, image_mean=model._mean.flatten().tolist(), image_std=model._std.flatten().tolist())


def rounded(values, digits=3):
    """Return numbers as a JSON file keeps them."""
    if isinstance(values, dict):
        return {str(key): rounded(each, digits) for key, each in values.items()}
    if isinstance(values, torch.Tensor):
        values = values.tolist()
    return [rounded(each, digits) for each in values] if isinstance(values, (list, tuple)) else round(values, digits)


# Similarity: a photograph and its changed copy


def turn(degrees):
    """Return the matrix that turns (row, column) by an angle."""
    angle = math.radians(degrees)
    return torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])


STAY = torch.eye(2), (0.0, 0.0)
MOVES = {
    "shift 4 px": (torch.eye(2), (4.0, 4.0)),
    "shift 3 patches": (torch.eye(2), (42.0, 42.0)),
    "turn 15°": (turn(15), (0.0, 0.0)),
    "turn 90°": (turn(90), (0.0, 0.0)),
    "scale 1.25": (1.25 * torch.eye(2), (0.0, 0.0)),
    "mirror": (torch.diag(torch.tensor([1.0, -1.0])), (0.0, 0.0)),
}


def noisy(image):
    """Return an image with noise of 5 % of the range, the same each time."""
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
    return (image + 0.05 * noise).clamp(0, 1)


LIGHTS = {"gain 0.7": lambda x: 0.7 * x, "offset 0.2": lambda x: (x + 0.2).clamp(0, 1), "noise 0.05": noisy}


def moved(wide, matrix, shift):
    """Cut the middle (3, 224, 224) out of a photograph after its content went from p to matrix·p + shift."""
    places = patch_centers((SIDE, SIDE)) - SIDE / 2 - torch.tensor(shift)
    source = places @ torch.linalg.inv(matrix).T / (WIDE / 2)
    grid = source.view(1, SIDE, SIDE, 2).flip(-1)
    return F.grid_sample(wide[None], grid, mode="bicubic", align_corners=False)[0].clamp(0, 1)


def goes_to(matrix, shift):
    """Return where the middle of each patch goes, (256, 2), in patches: whole numbers are middles."""
    middle = patch_centers((16, 16)) * P - SIDE / 2
    return (middle @ matrix.T + torch.tensor(shift) + SIDE / 2) / P - 0.5


def described(image, model, random):
    """Return patches (256, …) by pixels without their mean, spectra, and what two networks make of them."""
    patches = patchify(image[None], P)[0]
    found = {"pixels": patches - patches.mean(1, keepdim=True), "spectra": patch_spectrum(patches, channels=3)}
    reading = model.read(image, layers=(), depths=range(0, 13, 2))
    found |= {f"depth {depth}": reading.patch_features(depth) for depth in range(0, 13, 2)}
    found["features"] = reading.features
    return found | {"features, untrained": random.read(image, layers=(), depths=()).features}


def compared(before, after, where):
    """Return the share matched to the right place, within one patch, and how far a patch is from itself, as a share.

    That share is (1 − own cosine) / (1 − mean cosine to all patches of the copy): 0 unchanged, 1 a stranger.
    """
    inside = ((where > -0.5) & (where < 15.5)).all(1)
    cosines, where = cosine_similarity(before[inside], after), where[inside]
    best, own = cosines.argmax(1), where.round().long() @ torch.tensor([16, 1])
    off = torch.stack([best // 16, best % 16], 1) - where
    far = (1 - cosines.gather(1, own[:, None]).mean()) / (1 - cosines.mean())
    return (off.abs() <= 1.001).all(1).float().mean().item(), far.item()


def invariances(model):
    """Compare ten photographs with nine changed copies each."""
    random, found = untrained(model), {}
    for path in PHOTOGRAPHS.values():
        wide = 0.8 * load_image(path, size=WIDE)
        plain = moved(wide, *STAY)
        copies = {name: (light(plain), STAY) for name, light in LIGHTS.items()}
        copies |= {name: (moved(wide, *move), move) for name, move in MOVES.items()}
        before = described(plain, model, random)
        for change, (copy, move) in copies.items():
            after = described(copy, model, random)
            after["spectra"] = standardize(after["spectra"], reference=before["spectra"])
            for name, x in before.items():
                x = standardize(x) if name == "spectra" else x
                pair = compared(x, after[name], goes_to(*move))
                for what, value in zip(("matched", "far"), pair, strict=True):
                    found.setdefault(what, {}).setdefault(name, {}).setdefault(change, []).append(value)
    return rounded(found)


def matched(first, second, there, grid, rows_apart):
    """Return by row of the grid the share of known patches found within one patch; ``there`` is the true column."""
    rows, columns = grid
    asked, known, hits = first.view(rows, columns, -1), second.view(rows, columns, -1), []
    for row in range(rows):
        low, high = max(0, row - rows_apart), min(rows, row + rows_apart + 1)
        best = cosine_similarity(asked[row], known[low:high].flatten(0, 1)).argmax(1)
        hits.append(share(there[row], best % columns, (best // columns + low - row).abs()))
    return hits


def stereo(model):
    """Find the left picture's patches in the right one: among the row, among all; and with the frames moved apart."""
    random, found = untrained(model), {}
    for frame, moved_by in {"same frame": 0, "frames 8 patches apart": 8}.items():
        left, right, there, grid = frames(moved_by)
        x, y = (described_pair(image, model, random) for image in (left, right))
        y["spectra"] = standardize(y["spectra"], reference=x["spectra"])
        x["spectra"] = standardize(x["spectra"])
        for where, apart in (("in its row", 0), ("anywhere", grid[0])):
            rows = {name: matched(x[name], y[name], there, grid, apart) for name in x}
            rows["the same place"] = [share(row, torch.arange(grid[1])) for row in there]
            found[f"{where}, {frame}"] = rows
    return found


def frames(moved_by):
    """Return the left picture from a column of patches on, the right one, the true columns (35, 44), and the grid."""
    (left, right, disparity), grid = stereo_pair(), (35, 44)
    start, height, width = moved_by * P, grid[0] * P, grid[1] * P
    pieces = disparity[:height, start : start + width].unfold(0, P, P).unfold(1, P, P).flatten(2)
    known = pieces.isfinite().float().mean(2) >= 0.5
    moves = torch.where(known, pieces.nanmean(2), torch.nan)
    there = torch.arange(grid[1]) + (start - moves) / P
    return left[:, :height, start : start + width], right[:, :height, :width], there, grid


def share(there, found, rows_off=0):
    """Return the share of a row's known patches that are within one patch of their true column, or None of too few."""
    known = (there > -0.5) & (there < len(there) - 0.5)  # unknown: not a number, no
    off = (found - there).abs().clamp(min=rows_off)
    return round((off[known] <= 1.001).float().mean().item(), 3) if known.sum() >= 5 else None


def described_pair(image, model, random):
    """Return the descriptions that are compared between two photographs of one scene."""
    patches = patchify(image[None], P)[0]
    found = {"pixels": patches - patches.mean(1, keepdim=True), "spectra": patch_spectrum(patches, channels=3)}
    reading = model.read(image, layers=(), depths=[4, 6, 8])
    found |= {f"depth {depth}": reading.patch_features(depth) for depth in (4, 6, 8)}
    found["features"] = reading.features
    return found | {"features, untrained": random.read(image, layers=(), depths=()).features}


# Graphs


def mosaics(half, number, regions=3):
    """Draw mosaics of patches of 14 pixels: images (3, 224, 224) and labels (256,)."""
    generator = torch.Generator().manual_seed(8)
    drawn = [texture_mosaic(patch_size=P, half=half, regions=regions, generator=generator) for _ in range(number)]
    return [(image.expand(3, -1, -1), labels) for image, labels in drawn]


def unit(x):
    """Return rows of length 1."""
    return F.normalize(x, dim=-1)


def keys(reading, layer):
    """Return a layer's keys (N, D), all heads side by side, minus their mean, which no attention hears."""
    found = reading.keys[layer][:, reading.prefix :].permute(1, 0, 2).flatten(1)
    return found - found.mean(0)


def representations(model, image):
    """Return descriptions of the patches that a graph is drawn from."""
    patches = patchify(image[None], P)[0]
    reading = model.read(image, layers=[8, 11], depths=[6, 8, 9])
    found = {"pixels": patches, "spectra": standardize(patch_spectrum(patches, channels=3))}
    found |= {f"depth {depth}": unit(reading.patch_features(depth)) for depth in (6, 8, 9)}
    found["features"] = unit(reading.features)
    return found | {"keys of layer 9": unit(keys(reading, 8)), "keys of layer 12": unit(keys(reading, 11))}


def median_distance(x):
    """Return the median distance of all pairs."""
    return squared_distances(x).median().sqrt().item()


def all_or_nothing(x, threshold, least=1e-5):
    """Return TokenCut's graph: weight 1 where the cosine is above the threshold, else nearly nothing."""
    return torch.where(cosine_similarity(x) > threshold, 1.0, least)


def near_and_alike(x, share):
    """Return chapter 6's graph of place and content."""
    return weight_edges(radius_graph(patch_centers((16, 16)), 3), x, bandwidth=share * median_distance(x))


def pieces(graph, k=3):
    """Return spectral clusters, with the same draws each time."""
    return spectral_clustering(graph, k, generator=torch.Generator().manual_seed(0))


WAYS = {
    "k-means": lambda x: k_means(x, 3, generator=torch.Generator().manual_seed(0))[0],
    "8 nearest": lambda x: pieces(knn_graph(x, 8)),
} | {f"radius 3 × alike, {share}": lambda x, s=share: pieces(near_and_alike(x, s)) for share in (0.25, 0.35, 0.5)}
WAYS |= {
    f"cosine above {threshold}": lambda x, t=threshold: pieces(all_or_nothing(x - x.mean(0), t))
    for threshold in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
}
STEPS = (1, 8, 16, 32, 64, 128)


def clusters(model):
    """Score each way of clustering on twelve training mosaics and on twenty-four test mosaics, and the walk."""
    found = {}
    for half, number in (("train", 12), ("test", 24)):
        scores = found[half] = {"clusters": {}, "walk": {}, "cosine": {}}
        for image, labels in mosaics(half, number):
            for name, x in representations(model, image).items():
                for way, cluster in WAYS.items():
                    score = adjusted_rand_score(labels, cluster(x))
                    scores["clusters"].setdefault(name, {}).setdefault(way, []).append(score)
                walk = normalize_adjacency(near_and_alike(x, 0.25), mode="row")
                for steps in STEPS:
                    auc = same_region_auc(torch.linalg.matrix_power(walk, steps), labels).item()
                    scores["walk"].setdefault(name, {}).setdefault(steps, []).append(auc)
                auc = same_region_auc(cosine_similarity(x), labels).item()
                scores["cosine"].setdefault(name, []).append(auc)
    return rounded(found)


def montages(number):
    """Fill the silhouette of a horse with one photograph and lay it over another: images and labels (256,)."""
    horse = load_image(_SCIKIT_IMAGE / "horse.png", size=(SIDE, SIDE))[:1] < 0.5
    share = F.avg_pool2d(horse.float()[None], P).flatten()
    generator, paths = torch.Generator().manual_seed(8), list(PHOTOGRAPHS.values())
    for _ in range(number):
        front, back = (load_image(paths[i], size=SIDE) for i in torch.randperm(10, generator=generator)[:2].tolist())
        yield torch.where(horse, front, back), (share > 0.5).long()


def cut_at_mean(graph):
    """Return TokenCut's two sides (N,): the second pattern, above its mean or not."""
    pattern = spectral_embedding(graph, 2)[1][:, 1] / graph.sum(1).sqrt()
    return (pattern > pattern.mean()).long()


def tokencut(model):
    """Score TokenCut's cut, by description, threshold and floor, and chapter 6's, on montages and on mosaics of two."""
    return {"montages": cuts(model, montages(20)), "two textures": cuts(model, mosaics("test", 20, regions=2))}


def cuts(model, pictures):
    """Score TokenCut's cut of pictures whose two parts are known."""
    found = {"threshold": {}, "floor": {}, "best cut": {}, "edges": {}}
    for image, labels in pictures:
        reading = model.read(image, layers=[11], depths=[])
        raw = reading.keys[11][:, 1:].permute(1, 0, 2).flatten(1)
        described = {"keys": raw, "keys − mean": raw - raw.mean(0), "features": reading.features}
        described["features − mean"] = reading.features - reading.features.mean(0)
        patches = patchify(image[None], P)[0]
        described["spectra"] = standardize(patch_spectrum(patches, channels=3))
        for name, x in described.items():
            for threshold in (-0.2, 0.0, 0.2, 0.4, 0.6, 0.8):
                graph = all_or_nothing(x, threshold)
                score = adjusted_rand_score(labels, cut_at_mean(graph))
                found["threshold"].setdefault(name, {}).setdefault(threshold, []).append(score)
                if threshold in (0.2, 0.4):
                    share = (graph == 1).float().mean().item()
                    found["edges"].setdefault(name, {}).setdefault(threshold, []).append(share)
            for floor in (1e-8, 1e-5, 1e-2, 1e-1):
                score = adjusted_rand_score(labels, cut_at_mean(all_or_nothing(x, 0.2, floor)))
                found["floor"].setdefault(name, {}).setdefault(floor, []).append(score)
            score = adjusted_rand_score(labels, normalized_cut(all_or_nothing(x, 0.2).fill_diagonal_(0))[0])
            found["best cut"].setdefault(name, []).append(score)
    return rounded(found)


# Special tokens


def norms(model):
    """Tell of ten photographs, at two sizes, how long the patches' tokens are, and who is longest."""
    found = {}
    for size in (224, 448):
        rows = found[str(size)] = {}
        for path in PHOTOGRAPHS.values():
            reading = model.read(load_image(path, size=size), layers=(), depths=None)
            for depth in range(13):
                lengths = reading.patch_features(depth).norm(dim=1)
                ratios = (lengths.quantile(0.99) / lengths.median()).item(), (lengths.max() / lengths.median()).item()
                class_token = (reading.tokens[depth][0].norm() / lengths.median()).item()
                rows.setdefault("99 %", {}).setdefault(depth, []).append(ratios[0])
                rows.setdefault("longest", {}).setdefault(depth, []).append(ratios[1])
                rows.setdefault("class token", {}).setdefault(depth, []).append(class_token)
            dull = redundancy(reading)
            for depth in (10, 11):
                rank = spearmanr(reading.patch_features(depth).norm(dim=1), dull).statistic
                rows.setdefault("rank with redundancy", {}).setdefault(depth, []).append(float(rank))
    return rounded(found, 2)


def redundancy(reading):
    """Return how alike each patch is to its four neighbors when the network first sees it: mean cosine at depth 0."""
    right, down = neighbor_similarity(reading.patch_features(0), reading.grid, "cosine")
    total, number = (beside(*each) for each in ((right, down), (torch.ones_like(right), torch.ones_like(down))))
    return (total / number).flatten()


def beside(right, down):
    """Add up, for each patch of a grid, what belongs to the pairs that it is in."""
    across, along = F.pad(right, (1, 0)) + F.pad(right, (0, 1)), F.pad(down, (0, 0, 1, 0)) + F.pad(down, (0, 0, 0, 1))
    return across + along


def class_token(model):
    """Compare the class token with the mean patch by depth, and tell who attends to it, and which patch is attended."""
    found = {}
    norm = model.backbone.layernorm
    for path in PHOTOGRAPHS.values():
        reading = model.read(load_image(path, size=SIDE))
        dull = redundancy(reading)
        with torch.no_grad():
            last = norm(reading.tokens[12])
        for depth in range(13):
            tokens = reading.tokens[depth]
            own = F.cosine_similarity(tokens[0], tokens[1:].mean(0), dim=0).item()
            found.setdefault("cosine with the mean patch", {}).setdefault(depth, []).append(own)
        own = F.cosine_similarity(last[0], last[1:].mean(0), dim=0).item()
        found.setdefault("cosine with the mean patch", {}).setdefault("features", []).append(own)
        nearest = cosine_similarity(last[:1], last[1:]).max().item()
        found.setdefault("cosine with the nearest patch", []).append(nearest)
        for layer in range(12):
            weights = reading.weights[layer][0].mean(0)
            received = weights[1:, 1:].sum(0) / (1 - weights[1:, 0]).sum() * 256
            to = weights[1:, 0].mean().item()
            found.setdefault("patches attend to it", {}).setdefault(layer + 1, []).append(to)
            found.setdefault("it attends to itself", {}).setdefault(layer + 1, []).append(weights[0, 0].item())
            found.setdefault("most attended patch, times the mean", {}).setdefault(layer + 1, []).append(
                received.max().item()
            )
            rank = float(spearmanr(received, dull).statistic)
            found.setdefault("rank of attended with redundancy", {}).setdefault(layer + 1, []).append(rank)
    return rounded(found)


def attention_on_mosaics(model):
    """Score on twenty-four mosaics whether attention knows regions as well as features do, at each layer."""
    found = {}
    for image, labels in mosaics("test", 24):
        reading = model.read(image)
        for layer in range(12):
            x = reading.patch_features(layer + 1)
            level = reading.attention_map(layer).flatten()
            scores = {"cosine of features": cosine_similarity(x), "attention": reading.relation(layer)}
            scores["class token's attention"] = -(level[:, None] - level).abs()
            for name, relation in scores.items():
                auc = same_region_auc(relation, labels).item()
                found.setdefault(name, {}).setdefault(layer + 1, []).append(auc)
    return rounded(found)


def erased(model):
    """Take patches away from everybody's attention, one by one, and see whose features change, and who foretold it."""
    found = {}
    generator = torch.Generator().manual_seed(8)
    places = patch_centers((16, 16))
    for path in PHOTOGRAPHS.values():
        image = load_image(path, size=SIDE)
        reading = model.read(image)
        chosen = torch.randperm(256, generator=generator)[:24]
        effects = []
        for j in chosen.tolist():
            mask = torch.ones(256, 256, dtype=torch.bool)
            mask[:, j] = False
            mask[j, j] = True
            without = model.read(image, layers=(), depths=(), mask=mask).features
            effects.append(1 - F.cosine_similarity(reading.features, without))
        effects = torch.stack(effects, 1)
        orders = {"attention, last layer": reading.relation(11)}
        orders["attention, mean of layers"] = sum(map(reading.relation, range(12)))
        orders["rollout"] = attention_rollout(reading.weights)[0, 1:, 1:]
        size = reading.values[11][:, 1:].norm(dim=-1)
        weights = reading.weights[11][0, :, 1:, 1:]
        orders["attention × length of the value"] = (weights * size[:, None]).sum(0)
        orders["cosine of features"] = cosine_similarity(reading.features)
        orders["nearness"] = -squared_distances(places)
        for name, order in orders.items():
            ranks = [spearmanr(effects[i][chosen != i], order[i, chosen][chosen != i]).statistic for i in range(256)]
            found.setdefault(name, []).append(float(torch.tensor(ranks).nanmean()))
    return rounded(found)


def removed(model):
    """In one layer, take from each patch the 16 it attends to most, or 16 others, and see how its token changes."""
    found = {}
    generator = torch.Generator().manual_seed(8)
    near = -squared_distances(patch_centers((16, 16))).fill_diagonal_(math.inf)
    for path in PHOTOGRAPHS.values():
        image = load_image(path, size=SIDE)
        reading = model.read(image)
        for layer in range(12):
            own = torch.eye(256, dtype=torch.bool)
            attended = reading.relation(layer).masked_fill(own, -1)
            random = torch.rand(256, 256, generator=generator).masked_fill(own, -1)
            for name, order in {"most attended": attended, "at random": random, "nearest": near}.items():
                gone = order.topk(16, dim=1).indices
                mask = torch.ones(256, 256, dtype=torch.bool).scatter(1, gone, False)
                masks = [None] * layer + [mask] + [None] * (11 - layer)
                without = model.read(image, layers=(), depths=[layer + 1], mask=masks).patch_features(layer + 1)
                change = 1 - F.cosine_similarity(reading.patch_features(layer + 1), without)
                mass = reading.weights[layer][0, :, 1:, 1:].mean(0).gather(1, gone).sum(1)
                found.setdefault("change", {}).setdefault(name, {}).setdefault(layer + 1, []).append(
                    1000 * change.mean().item()
                )
                found.setdefault("mass", {}).setdefault(name, {}).setdefault(layer + 1, []).append(mass.mean().item())
    return rounded(found)


PARTS = {
    part.__name__: part
    for part in (invariances, stereo, clusters, tokencut, norms, class_token, attention_on_mosaics, erased, removed)
}


def main(names):
    """Measure the parts that are named, or those that are not stored."""
    torch.set_num_threads(1)
    model = load_vit("dinov2-small-packaged", device="cpu")
    stored = json.loads(STORED.read_text("utf8")) if STORED.exists() else {}
    for name in names or [name for name in PARTS if name not in stored]:
        start = time.perf_counter()
        found = PARTS[name](model)
        stored = json.loads(STORED.read_text("utf8")) if STORED.exists() else {}
        stored = {part: found if part == name else stored[part] for part in PARTS if part in stored or part == name}
        STORED.write_text(json.dumps(stored, ensure_ascii=False, separators=(",", ":")) + "\n", "utf8")
        print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
