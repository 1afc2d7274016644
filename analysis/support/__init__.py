"""Intervals within the support of their quantity, and the power that verdicts state."""
