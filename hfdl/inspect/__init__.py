"""Look into models: bring an attention of one's own, ablate, patch, capture, verify."""
