"""Torch's schedules by their classes' names, with torch's parameters and torch's numbers to the bit."""
