"""Measured answers to the open questions of source §14.2: several seeds, intervals and a control for each."""
