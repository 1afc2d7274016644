"""Density, tails and quantiles of the standard law: formulas, their choice, and panels for many points."""
