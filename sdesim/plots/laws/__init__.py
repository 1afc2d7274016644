"""Samples against the law that they should have: densities, survival, tails."""
