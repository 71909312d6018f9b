"""The book's first explorer: one patch, the reader's guess what belongs to it, and the five families' answers."""

from patchwork.explorers.relations.widget import RelationsExplorer

__all__ = ["RelationsExplorer"]
