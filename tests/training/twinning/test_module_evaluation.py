"""Loss and gradient of any module as the twin takes them."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from sdesim.training import twin
from tests.training.twinning.recorded_runs import DATA, LOSS, recorded


def test_any_module_has_a_twin():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(64, 4), nn.LayerNorm(4), nn.Tanh(), nn.Linear(4, 10)).double()
    full = recorded(batch_size=None, module=net)

    made = twin(full, net, LOSS, DATA, noise="none", progress=False)

    np.testing.assert_allclose(made["loss"].values[0], full["loss"].values[0], rtol=1e-6)
