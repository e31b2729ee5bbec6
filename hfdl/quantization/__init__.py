"""Linear layers whose products are of 8-bit integers, for running a trained model on a CPU."""
