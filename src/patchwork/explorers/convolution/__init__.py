"""Chapter 4's explorer: edit a kernel, see the picture, one sum, its row of A; how far a stack of layers sees."""

from patchwork.explorers.convolution.widget import ConvolutionExplorer, preset, presets

__all__ = ["ConvolutionExplorer", "preset", "presets"]
