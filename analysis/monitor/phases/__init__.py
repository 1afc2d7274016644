"""Whether what a watch says while the truth moves holds it: C of windows, drift and phase of steps."""
