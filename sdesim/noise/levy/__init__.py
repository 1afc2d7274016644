"""Lévy noise: α-stable, truncated and tempered; and draws of the stable law."""
