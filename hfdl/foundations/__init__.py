"""Neural networks in NumPy alone, for reading."""
