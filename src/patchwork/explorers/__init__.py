"""Interactive explorers: one front-end module, two homes."""
