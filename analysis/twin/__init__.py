"""Which noise makes the SDE a twin of training, held against the spread between real seeds."""
