"""What is read off a network while it trains: gradients, curvature, preconditioning, tangents."""
