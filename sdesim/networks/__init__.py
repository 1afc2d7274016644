"""Small networks, their losses and exact gradients. Needs torch."""
