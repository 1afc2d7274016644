"""Torch modules of which the kinds of networks are made, all in float64."""
