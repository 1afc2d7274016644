"""Loss surfaces of any torch module: the slow path."""
