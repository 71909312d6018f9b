"""A controlled experiment: one question, one network, one recipe, and eight relations.

On a grid of 12 × 12 patches of two textures one is marked, and every other patch answers at its own place whether it is
of the marked one's texture. The Boolean product of the relations tells, before anything is trained, how often it can.

The relations are "own" (each hears itself); a 3 × 3 "convolution"; attention under a 3 × 3 mask ("local"), in 4 × 4
windows ("window"), in windows of which every second block shifts by 2 ("shifted"), or without a mask ("global"); and
the graphs "grid" (4 neighbors) and "knn" (the 8 patches most alike), normalized as a GCN's.
"""

from patchwork.synthesis.experiment import accuracy_by_distance, ceiling, fit, trained, weights_file
from patchwork.synthesis.network import BLOCKS, RELATIONS, RelationNetwork, relation_masks
from patchwork.synthesis.recipe import under_one_recipe
from patchwork.synthesis.scenes import GRID, QUESTIONS, marked_textures, texture_features

__all__ = [
    "BLOCKS",
    "GRID",
    "QUESTIONS",
    "RELATIONS",
    "RelationNetwork",
    "accuracy_by_distance",
    "ceiling",
    "fit",
    "marked_textures",
    "relation_masks",
    "texture_features",
    "trained",
    "under_one_recipe",
    "weights_file",
]
