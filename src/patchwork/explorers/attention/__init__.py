"""Chapter 2's explorer: one query token asks, all tokens answer, untrained and trained side by side."""

from patchwork.explorers.attention.scenes import Scene
from patchwork.explorers.attention.widget import AttentionExplorer

__all__ = ["AttentionExplorer", "Scene"]
