"""Runs that are killed at random moments, and whether what goes on with them ends in the same bits."""
