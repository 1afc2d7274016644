"""How well smoothed series of C and phases cover and decide, on known moving truths."""
