"""What multilevel Monte Carlo costs beside plain Monte Carlo, and how often it keeps its tolerance."""
