"""Paths of different step lengths through one noise, and what is learnt from their differences."""
