"""Dimension of a training path: deduced from the tail index, and measured on the path itself."""
