"""The stable law."""
