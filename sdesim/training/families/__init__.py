"""Which noise a recorded training had: covariance, tail and correlation in time, by held-out paths."""
