"""What acts on measurements: advice, learning rates, stopping, pruning, weight decay."""
