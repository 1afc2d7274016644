"""The optimizer that stands where a twin does."""

import numpy as np
import pytest
import torch

from sdesim.training.loop.copies import copied
from sdesim.training.probes.preconditioning import linear_step
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


@pytest.mark.parametrize(
    "made", [lambda p: torch.optim.NAdam(p, lr=0.1), lambda p: torch.optim.ASGD(p, lr=0.1, lambd=0.5)]
)
def test_readings_see_what_torch_counts_by_steps(made):
    one = recipe(made)
    model = copied(one.module).double()
    optimizer = made(model.parameters())
    for _ in range(3):
        for p in model.parameters():
            p.grad = torch.ones_like(p)
        optimizer.step()
    group = rehearsed(one, 5).groups[0]
    states = [optimizer.state[p] for p in model.parameters()]
    theta = torch.nn.utils.parameters_to_vector(model.parameters()).detach()
    held = {k: v[0] for k, v in group.equation(3).state_of(states, theta[None]).items()}

    read = OptimizerReading(one, (group,), linear=True).keywords(theta, held, 3.0)

    np.testing.assert_allclose(read["step"].now, linear_step(model, optimizer).now, rtol=1e-6)
