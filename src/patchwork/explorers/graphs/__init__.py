"""Chapter 6's explorer: patches tied into a graph; its edges, slow patterns, clusters, and walks along it."""

from patchwork.explorers.graphs.widget import GraphExplorer

__all__ = ["GraphExplorer"]
