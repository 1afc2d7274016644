"""Ranks of one training: what each reads, and what all of them know together."""
