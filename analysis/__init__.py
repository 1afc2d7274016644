"""Studies that use the package; each folder is one command, ``python -m analysis.<folder>``."""
