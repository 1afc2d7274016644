"""Whether the conditions of an optimizer's SDE held in a run."""

import json

import numpy as np
import pytest
import xarray as xr

from sdesim.optimizers import SGD
from sdesim.training.twinning.optimizer_steps import Part
from sdesim.training.twinning.validity import condition_attributes, conditions

RATES = np.array([0.1, 0.2, 0.05])
PART = Part((slice(0, 2),), (SGD(0.1).sde(),), np.zeros(3, dtype=int), RATES)


def test_a_condition_is_read_where_it_is_farthest_from_held():
    of = ("trajectory", "probe")
    run = xr.Dataset(
        {
            "lambda_max": (of, [[1.0, 1.0, np.nan], [3.0, 1.0, np.nan]]),
            "signal": (of, np.ones((2, 3))), "noise": (of, np.ones((2, 3))),
        },
        {"probe_step": ("probe", [0, 1, 2])}, {"batch_size": 4, "probe_batch_size": 4, "dim": 2},
    )  # fmt: skip

    (found,) = conditions(run, [PART])

    # ηλ: 0.1·2 at the first probe, 0.2·1 at the second, unknown at the third.
    assert found.value == pytest.approx(0.2)
    told = condition_attributes([found])
    assert told["sde_unmet"] == ["rate_small"]
    assert json.loads(told["sde_conditions"])["rate_small"][:2] == [pytest.approx(0.2), 0.18]


def test_what_was_not_read_is_neither_held_nor_unmet():
    (found,) = conditions(xr.Dataset(attrs={"batch_size": 4}), [PART])

    told = condition_attributes([found])

    assert found.holds is None
    assert "sde_unmet" not in told
    assert json.loads(told["sde_conditions"])["rate_small"][0] is None
