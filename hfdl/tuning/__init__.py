"""What of a model is trained, and how fast: frozen parts, layer-wise rates, low-rank adapters."""
