"""How often the intervals of fits of series hold the truth."""
