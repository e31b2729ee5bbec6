"""What ``hfdl data check`` looks for before training does."""
