"""The distance to the edge as a watched training buys it, beside the Hessian of all its examples."""
