"""What a reader may write, and may not, for the static type checker; nothing here runs.

Pyrefly accepts the first function as it stands. In the second it must refuse each line, for it refuses, too, to ignore
an error that is none.
"""

from io import BytesIO, StringIO
from pathlib import Path

import torch
from torch import Tensor, nn

from patchwork.attention import VisionTransformer, attention, attention_rollout, attention_weights
from patchwork.convolution import (
    bilateral_filter,
    conv2d_from_patches,
    effective_receptive_field,
    receptive_field,
    shift_matrix,
)
from patchwork.devices import best_device
from patchwork.graphs import (
    grid_graph,
    k_means,
    label_propagation,
    normalize_adjacency,
    radius_graph,
    spectral_embedding,
)
from patchwork.images import digits, load_image, stereo_pair, texture_mosaic
from patchwork.patches import extract_patches, merge_patches, patch_centers, patchify, unpatchify
from patchwork.relations import region_mass, same_region_auc
from patchwork.similarity import nearest_neighbors, neighbor_similarity, squared_distances, structural_similarity
from patchwork.synthesis import RELATIONS, accuracy_by_distance, ceiling, marked_textures, texture_features, trained
from patchwork.training import accuracy, minibatches, train
from patchwork.windows import SwinTransformer, attention_cost, reach, window_relation


def well() -> list[Tensor]:
    image = load_image("coffee", size=(96, 128), device=best_device())
    tokens = patchify(image[None], 16)
    with open("me.png", "rb") as file:
        uploaded = [load_image(file), load_image(BytesIO(memoryview(b"")), size=64), load_image(Path("me.png"))]
    merged = merge_patches(extract_patches(image[None], 16, stride=8), image.shape[1:], 16, stride=8)
    pieces = [unpatchify(tokens, (6, 8), channels=3), merged.mean(), patch_centers([6, 8]).T, *uploaded]

    left, right, disparity = stereo_pair(device="cpu", dtype=torch.float64)
    mosaic, labels = texture_mosaic(half="test", generator=torch.Generator().manual_seed(0))
    auc: float = same_region_auc(-squared_distances(patchify(mosaic[None], 16)[0]), labels).item()
    mass, chance = region_mass(torch.ones(256, 256), labels, reduction=None)
    pieces += [left - right, disparity, mass - chance * auc]

    distances, indices = nearest_neighbors(tokens, tokens, 2)
    to_right, down = neighbor_similarity(tokens, (6, 8), "cosine")
    alike = structural_similarity(image, image, window_size=5).item()
    pieces += [distances.mean() * alike, indices.sort().values, to_right.T, down.T]

    weights = attention_weights(tokens, tokens, mask=torch.ones(48, 48, dtype=torch.bool), scale=1)
    model = VisionTransformer(1, (4, 4), 2, 16, depth=2, heads=4, classes=10)
    images, classes = digits()
    batches = minibatches(images, classes, size=64)
    losses = train(model, lambda x, y: nn.functional.cross_entropy(model(x), y), batches, steps=3)
    _, layers = model(images, return_weights=True)
    rollout = attention_rollout(layers, query=0)[:, 1:].unflatten(1, (4, 4))
    pieces += [weights @ tokens, attention(tokens, tokens, tokens), losses.mean(), rollout]
    pieces += [accuracy(model, images, classes).square(), model.tokens(images).mean(1)]

    maps = SwinTransformer(3, 4, 6, (2, 1), [2, 3], 2, 5).features(image[None])
    heard = reach([window_relation((4, 4), 2), window_relation((4, 4), 2, shift=1)])
    share = attention_cost((4, 6), 8, window_size=2) / attention_cost((4, 6), 8)
    pieces += [maps[0].mean(), heard.sum() * share]

    size, jump, start = receptive_field([(3, 1, 1), (3, 2, 1)])
    field = effective_receptive_field(nn.Conv2d(3, 4, 3), (5, 6), channels=3)
    filtered = bilateral_filter(image[None], size + jump, sigma_space=2, sigma_color=0.1)
    pieces += [field * start, filtered.mean(), shift_matrix((3, 4), (1, -1), boundary="circular").T]
    pieces += [conv2d_from_patches(image[None], torch.ones(4, 3, 3, 3), padding=(1, 1), stride=2).mean()]

    graph = normalize_adjacency(radius_graph(patch_centers((6, 8)), 2), mode="row")
    values, vectors = spectral_embedding(grid_graph((3, 4), connectivity=8), 2)
    found, scores = label_propagation(graph, torch.arange(48) - 1, return_scores=True)
    pieces += [values.sqrt(), found.bincount(), scores.sum(1), k_means(vectors, 2)[0].bincount()]
    pieces += [label_propagation(graph, torch.arange(48) - 1).view(6, 8)]

    for relation in RELATIONS:
        scenes = marked_textures(texture_features("test"), 200, question="same")
        shares, errors = accuracy_by_distance(trained(relation, 1), scenes)
        pieces += [shares - errors, scenes.labels.float().mean(), ceiling(relation)[:4]]
    return pieces


def badly(image: Tensor) -> None:
    patchify([1, 2], 4)  # pyrefly: ignore[bad-argument-type]
    patchify(image, 2.0)  # pyrefly: ignore[bad-argument-type]
    patchify(image, 2, stride=2)  # pyrefly: ignore[unexpected-keyword]
    patchify(image, 2).shapes  # pyrefly: ignore[missing-attribute]
    merge_patches(image, 4, 2, stride=1)  # pyrefly: ignore[bad-argument-type]
    attention_weights(image, image, scale="1")  # pyrefly: ignore[bad-argument-type]
    attention_cost((4, 6), 8).item()  # pyrefly: ignore[missing-attribute]
    shift_matrix((3, 4), (1, -1), boundary="mirror")  # pyrefly: ignore[bad-argument-type]
    grid_graph((3, 4), connectivity=6)  # pyrefly: ignore[bad-argument-type]
    texture_mosaic().shape  # pyrefly: ignore[missing-attribute]
    label_propagation(image, image, return_scores=True).view(6, 8)  # pyrefly: ignore[missing-attribute]
    load_image(StringIO("me.png"))  # pyrefly: ignore[bad-argument-type]
    trained("windows")  # pyrefly: ignore[bad-argument-type]
