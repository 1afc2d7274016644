"""Where global generators stand."""

import random

import numpy as np
import torch

from sdesim.training.watching.random_state import RandomState


def test_every_draw_shows_and_is_taken_back():
    for draw in (lambda: torch.rand(()), np.random.rand, random.random):
        before = RandomState.now({torch.device("cpu")})
        first = float(draw())
        assert RandomState.now({torch.device("cpu")}) != before
        before.restore()
        assert RandomState.now({torch.device("cpu")}) == before
        assert float(draw()) == first
