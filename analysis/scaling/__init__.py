"""How one ensemble scales: measured on this machine, and by a simulation of the scheduler beyond it."""
