"""A monitor beside any training loop, and where its measurements go."""
