"""How ``hfdl verify`` runs, records and compares: the parts of ``hfdl.inspect.verify``."""
