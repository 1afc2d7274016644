"""Measured strong and weak orders of every scheme, against exact or fine solutions on the same noise."""
