"""How well λ_max of all examples is read from some of them."""
