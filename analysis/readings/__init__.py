"""Readings of a training under each optimizer: predicted, measured, and found by 2,000 branched steps."""
