"""Compiled functions of the equations: minus the drift, minus its Jacobian's products, and B w."""
