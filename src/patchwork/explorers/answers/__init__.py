"""Chapter 7's explorer: one patch is marked; who answers rightly about it, and whom the news of it can reach."""

from patchwork.explorers.answers.widget import AnswersExplorer

__all__ = ["AnswersExplorer"]
