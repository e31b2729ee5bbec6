"""``hfdl verify``: run, record and compare two implementations of one model."""
