"""Surfaces with one basin, or none: flat, quadratic, Rosenbrock's, a product of layers, rough."""
