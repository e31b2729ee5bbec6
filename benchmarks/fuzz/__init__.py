"""Fuzzing of everything that hfdl reads from strangers: files of data, models, runs, recipes."""
