"""Chapter 4's explorer: edit a kernel, see the picture, one sum, its row of A; how far a stack of layers sees."""

from patchwork.explorers.convolution.kernels import PRESETS, preset, presets
from patchwork.explorers.convolution.widget import ConvolutionExplorer

__all__ = ["PRESETS", "ConvolutionExplorer", "preset", "presets"]
