"""Two models on the same examples: what differs, and whether that could be chance."""
