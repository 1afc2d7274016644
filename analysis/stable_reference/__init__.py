"""Reference values of the stable law, and how far implementations are from them."""
