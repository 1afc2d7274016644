"""Surfaces with several wells: double, one flat and one sharp, a chain of them, Styblinski and Tang's."""
