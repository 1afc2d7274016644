"""What a summary says of reductions, and what of them a file may not ask for."""

import pytest

from sdesim.errors import ScenarioError
from sdesim.scenario.load import load_scenario
from sdesim.scenario.reduced import reduced_values
from tests.engine.reductions.reduced import run

FILE = """\
name: reduced
seed: 1
arms:
  sde:
    simulate:
      surface: {{kind: double-well}}
      noise: [{{kind: gaussian, diffusion: 0.1}}]
      dt: 0.01
      steps: 200
      trajectories: {trajectories}
      save_every: 10
      save: []
      reduce: {reduce}
"""


def test_values_are_of_the_last_step_with_intervals_and_counts():
    found = reduced_values(run())

    assert found["kinds"][:2] == ["moments", "histogram"]
    assert found["live"] + found["stopped"] == 700
    mean = found["values"]["moment[order=1, param=0]"]
    assert mean["value"] == run()["moment"][0, -1, 0]
    assert mean["low"] < mean["value"] < mean["high"]
    assert mean["flags"] == ["trajectories_ended"]
    assert reduced_values(run().assign_attrs(reductions=[])) == {}


def written(folder, reduce, trajectories=300):
    path = folder / "reduced.yaml"
    path.write_text(FILE.format(reduce=reduce, trajectories=trajectories), encoding="utf-8")
    return path


def test_one_reduction_needs_no_list(tmp_path):
    scenario = load_scenario(written(tmp_path, "{kind: moments, order: 2}"))

    assert scenario.arms["sde"].simulate.reduce[0].order == 2


@pytest.mark.parametrize(
    ("reduce", "trajectories", "message"),
    [
        ("[{kind: moments, order: 0}]", 300, r"reduce\[0\]\.order: found 0, allowed: a number of at least 1"),
        ("{kind: histogram, bins: [1, 0]}", 300, r"reduce\[0\]\.bins: found edges that do not increase"),
        ("[{kind: quantiles, q: 1.5}]", 300, r"reduce\[0\]\.q: found 1\.5, allowed: numbers above 0"),
        ("[{kind: quantiles, q: 0.01}]", 99, r"reduce\[0\]\.q: found 99 trajectories, allowed: at least 100"),
        ("[{kind: autocorrelation, lags: 7}]", 300, r"reduce\[0\]\.lags: found 7, allowed: multiples of 10"),
        ("[{kind: moments}, {kind: moments, order: 2}]", 300, r"reduce\[1\]: found a second moments"),
    ],
)
def test_what_can_not_hold_is_told_at_its_field(tmp_path, reduce, trajectories, message):
    with pytest.raises(ScenarioError, match=message):
        load_scenario(written(tmp_path, reduce, trajectories))
