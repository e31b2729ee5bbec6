"""Data sets: reading, splitting, labelling and encoding them."""
