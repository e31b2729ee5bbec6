"""Look inside a model: attention, hidden states, ablation and activation patching."""
