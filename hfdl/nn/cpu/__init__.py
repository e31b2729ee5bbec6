"""Faster ways for a CPU: the same results to rounding, chosen by facts of the machine."""
