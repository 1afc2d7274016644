"""Loss surfaces of fully connected networks."""
