"""Gradients are undone from steps, or read from draws."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr

from sdesim.errors import RunError
from sdesim.runs import projection_directions
from sdesim.training.families.samples import Rule, gradients_of, rule_of_run, undone


@pytest.mark.parametrize("rule", [Rule(0.9, 0.0, False), Rule(0.9, 0.5, False), Rule(0.8, 0.0, True)])
def test_gradients_are_those_that_torch_made_steps_of(rule):
    given, rate = torch.randn(30, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)), 0.1
    p = torch.nn.Parameter(torch.zeros(4, dtype=torch.float64))
    sgd = torch.optim.SGD([p], rate, rule.momentum, rule.dampening, nesterov=rule.nesterov)
    path = [p.detach().clone()]
    for g in given:
        p.grad = g.clone()
        sgd.step()
        path.append(p.detach().clone())
    moved = -np.diff(torch.stack(path).numpy(), axis=0)[None] / rate

    # Rounding is amplified by at most 1/(1 − β) a step.
    np.testing.assert_allclose(undone(moved, rule)[0], given.numpy(), atol=1e-11)


def test_adam_has_no_linear_rule():
    assert rule_of_run(xr.Dataset(attrs={"optimizer_class": "torch.optim.adam.Adam"})) is None


def draws(shape, dim):
    values = np.random.default_rng(0).standard_normal(shape)
    names = ("trajectory", "probe", "sample", "direction")
    return xr.Dataset({"gradient_projection": (names, values)}, {"step": [0, 10]}, {"dim": dim})


def test_as_many_directions_as_coordinates_are_turned_back_to_those():
    run = draws((2, 3, 20, 5), 5)

    found = gradients_of(run)

    assert found.axes == "coordinates"
    known = found.values[0] @ projection_directions(5).T
    np.testing.assert_allclose(known, run["gradient_projection"].values[0, 0], atol=1e-12)


def test_too_few_draws_are_refused():
    with pytest.raises(RunError, match="at least 16 gradient draws"):
        gradients_of(draws((1, 1, 8, 4), 100))
