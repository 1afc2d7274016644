"""Examples drawn by weights."""

import numpy as np
import torch

from sdesim import data

DIGITS = data.digits(40, 60, seed=0)
X, Y = torch.as_tensor(DIGITS.x_train), torch.as_tensor(DIGITS.y_train).long()
COUNTS = np.random.default_rng(5).integers(1, 6, 40) ** 2
Q = COUNTS / COUNTS.sum()
