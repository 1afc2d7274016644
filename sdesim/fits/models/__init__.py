"""Models of series, one file each."""
