"""Training data in whatever form it comes, and the order in which batches take from them."""
