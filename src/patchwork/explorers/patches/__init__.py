"""Chapter 1's explorer: a photograph as a sequence of patches, and a patch as a vector."""

from patchwork.explorers.patches.look import patch_grid, same_place, shuffled_order
from patchwork.explorers.patches.widget import PatchExplorer

__all__ = ["PatchExplorer", "patch_grid", "same_place", "shuffled_order"]
