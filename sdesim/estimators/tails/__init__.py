"""Tail indices and what jumps do to the generator."""
