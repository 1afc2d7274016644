"""Callbacks of the trainers that people use, which none of them is loaded for."""
