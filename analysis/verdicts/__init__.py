"""Level and power of the verdicts on two arms: equality, paths, pairs, phases."""
