"""The SDE that should imitate a recorded training."""
