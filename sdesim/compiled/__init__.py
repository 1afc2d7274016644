"""Compilation and its cache, generated modules, elementary functions, the generator."""
