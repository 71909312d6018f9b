"""Chapter 3's explorer: attention in windows, step by step; how far it hears; what it costs."""

from patchwork.explorers.windows.widget import WindowExplorer, window_sizes

__all__ = ["WindowExplorer", "window_sizes"]
