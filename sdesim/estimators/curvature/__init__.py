"""Extreme eigenvalues, spectra and margins of stability."""
