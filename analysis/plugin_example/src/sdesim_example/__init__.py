"""Kinds of one's own for sdesim, a file each; the entry points in pyproject.toml tell sdesim of them."""
