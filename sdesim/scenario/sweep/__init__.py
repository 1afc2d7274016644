"""Sweeps: the points of a grid of values, and their runs."""
