"""Chapter 8's explorer: a real network on a photograph, what a patch is like, and where its heads attend, by depth."""

from patchwork.explorers.real_network.widget import RealNetworkExplorer

__all__ = ["RealNetworkExplorer"]
