"""Files that are whole or absent, progress bars, threads."""
