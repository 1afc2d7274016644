"""Drift of the loss, exponents, convergence, transitions, slowing down."""
