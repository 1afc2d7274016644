"""Paths on a loss and the shape of the loss itself."""
