"""Chapter 5's explorer: four features by three metrics, one patch to all or neighbor to neighbor, with scores."""

from patchwork.explorers.similarity.widget import SimilarityExplorer

__all__ = ["SimilarityExplorer"]
