"""Sampling of the stable law and its tempered kin: draws, tails, quantile tables."""
