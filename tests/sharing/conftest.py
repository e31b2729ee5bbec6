"""A run that may be spoilt, and the command that pushes it."""

from helpers.hub.pushing import push, run

__all__ = ["push", "run"]
