"""Arms that foretell a training from one of its saved steps."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sdesim.errors import ScenarioError
from sdesim.runs import open_run
from sdesim.scenario import parse_scenario, run_scenario
from sdesim.scenario.models import DRAWS

TEXT = """\
name: foretold
arms:
  real:
    train:
      data: {kind: digits, train: 40, test: 20}
      network: {kind: mlp, widths: [64, 3, 10]}
      optimizer: {kind: adamw, lr: 1e-2, batch_size: 5}
      steps: 20
      trajectories: 2
      save_every: 4
  coming:
    simulate: {twin_of: real, at: 8, noise: [{kind: minibatch}]}
"""


def test_a_forecast_begins_at_the_saved_step_and_makes_the_steps_that_are_left(tmp_path):
    run_scenario(parse_scenario(TEXT), tmp_path / "out", progress=False)

    real, coming = (open_run(tmp_path / "out" / f"{arm}.zarr") for arm in ("real", "coming"))
    assert coming.sizes["trajectory"] == DRAWS
    start = real["theta"].values[0, 2]
    np.testing.assert_array_equal(coming["theta"].values[:, 0], np.stack([start] * DRAWS))
    assert coming["step"].values[-1] == 12
    np.testing.assert_allclose(coming["time"].values, real["time"].values[2:])
    assert coming.attrs["forecast_from"] == 8
    assert coming.attrs["forecast_flags"] == ["optimizer_state_rebuilt"]
    assert (tmp_path / "out" / "figures" / "forecast.svg").exists()
    # Draws of one seed's future are no seeds.
    assert not json.loads((tmp_path / "out" / "summary.json").read_text()).get("comparisons")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("at: 8", "at: 9", "simulate.at: found 9, allowed: a saved step .* such as 8"),
        ("at: 8", "at: 20", "simulate.at: found 20, allowed: a saved step .* before its last, such as 16"),
        ("save_every: 4", "save: [loss]", "simulate.at: found 8, .* does not save theta"),
        ("at: 8", "at: 8, dt: 0.01", "dt: allowed without at"),
        ("at: 8", "at: 8, scheme: heavy-ball", "scheme: allowed without at"),
    ],
)
def test_what_does_not_fit_is_told_before_anything_runs(old, new, message):
    with pytest.raises(ScenarioError, match=message):
        parse_scenario(TEXT.replace(old, new))
