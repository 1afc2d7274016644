"""The optimizer that stands where a twin does."""

import numpy as np
import torch

from sdesim.training.twinning.optimizer_reading import OptimizerReading
from sdesim.training.twinning.rehearsal import rehearsed
from tests.training.twinning.test_rehearsal import recipe


def test_an_overdamped_momentum_is_a_longer_step_without_one():
    one = recipe(lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.8, dampening=0.5))
    reading = OptimizerReading(one, rehearsed(one, 5, "overdamped").groups, linear=True)

    read = reading.keywords(torch.zeros(17, dtype=torch.float64), {}, 2.0)

    # η (1 − τ)/(1 − β) = 0.25: unstable from λ = 2/0.25 on, and a gradient moves θ by as much at once.
    np.testing.assert_allclose(read["metric"].critical, 8.0, rtol=1e-12)
    np.testing.assert_allclose([read["step"].now, read["step"].whole], 0.25, rtol=1e-12)
