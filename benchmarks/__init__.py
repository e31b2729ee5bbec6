"""Programs that measure hfdl beside others: ``python -m benchmarks --help``."""
