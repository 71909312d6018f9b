"""The book's first explorer: one patch, the reader's guess what belongs to it, and the answers of six relations."""

from patchwork.explorers.relations.widget import RelationsExplorer

__all__ = ["RelationsExplorer"]
