"""Linear least squares, on given features and on those of a fixed random layer."""
