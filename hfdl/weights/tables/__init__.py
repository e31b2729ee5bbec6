"""Which tensor of ours is which of transformers', in both directions."""

from hfdl.weights.tables.family import FamilyTable, Head
from hfdl.weights.tables.table import Table

__all__ = ["FamilyTable", "Head", "Table"]
