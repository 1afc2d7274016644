"""How right exit times are at a step: every way of watching against exact means."""
