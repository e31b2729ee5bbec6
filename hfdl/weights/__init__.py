"""Find, open and convert pretrained weights."""
