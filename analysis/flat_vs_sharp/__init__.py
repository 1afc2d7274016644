"""Flat and sharp minima of a network: which quantity tells how well they generalise."""
