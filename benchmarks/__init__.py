"""Programs that measure hfdl beside others, and what they found: ``python -m benchmarks --help``."""
