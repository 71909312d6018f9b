"""What all explorers share: their widget, their photographs, their still pictures, and the base of their front ends."""
