"""The parts of ``benchmarks/gpu.py``: what it checks, and what it measures."""
