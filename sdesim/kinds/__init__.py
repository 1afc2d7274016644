"""Kinds and their registry: one frozen dataclass in one file for each surface, noise, scheme and so on."""
