"""Does C tell the critical batch size? Branched trainings against noise scales."""
