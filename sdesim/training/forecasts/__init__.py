"""What a training will do, from where it stands: its twin started there."""
