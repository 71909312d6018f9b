"""Chapter 1's explorer: a photograph as a sequence of patches, and a patch as a vector."""

from patchwork.explorers.patches.widget import PatchExplorer, patch_grid, same_place, shuffled_order

__all__ = ["PatchExplorer", "patch_grid", "same_place", "shuffled_order"]
