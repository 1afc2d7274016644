"""Hostile scenario files: what comes of thousands of them, as a check before a release."""
