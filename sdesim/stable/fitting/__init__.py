"""Fits of the stable law."""
