"""The ratio C in its forms, and what can be read from it."""
