"""Arms that go on from where a stored run ended, and arms that are parts of an ensemble, in YAML."""

import numpy as np
import pytest

from sdesim import concat_runs, open_run
from sdesim.errors import ScenarioError, SdesimError
from sdesim.scenario import load_scenario, run_scenario

TEXT = """\
name: {name}
seed: 3
arms:
  sde:
    simulate:
      surface: {{kind: double-well}}
      noise: [{{kind: gaussian, diffusion: 0.1}}]
      dt: 0.05
      steps: {steps}
      save_every: 1
      {more}
"""


def written(folder, name, steps, more):
    path = folder / f"{name}.yaml"
    path.write_text(TEXT.format(name=name, steps=steps, more=more))
    return path


def run(folder, name, steps, more):
    path = written(folder, name, steps, more)
    run_scenario(load_scenario(path), folder / name, progress=False)
    return open_run(folder / name)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return folder, run(folder, "whole", 12, "trajectories: 4")


def test_an_arm_goes_on_from_a_run_directory(whole):
    folder, wanted = whole
    run(folder, "begun", 5, "trajectories: 4")

    later = run(folder, "later", 7, "continue_from: begun")

    np.testing.assert_array_equal(later["theta"].values, wanted["theta"].values[:, 5:])
    assert later.step.values[0] == 5
    # An expectation may ask for a step of the whole.
    text = written(folder, "asked", 7, "continue_from: begun").read_text()
    for at, fits in ((12, True), (13, False)):
        path = folder / "asked.yaml"
        asked = f"expect: [{{arm: sde, quantity: C_alpha, at: {at}, below: 9}}]"
        path.write_text(f"{text}probes: {{every: 4, samples: 8}}\n{asked}\n")
        if fits:
            load_scenario(path)
        else:
            with pytest.raises(ScenarioError, match="found 13, allowed: 0 to 12"):
                load_scenario(path)


def test_arms_are_parts_of_an_ensemble(whole):
    folder, wanted = whole

    parts = [run(folder, f"part{k}", 12, f"{{trajectories: 2, first: {k}}}"[1:-1].replace(", ", "\n      "))
             for k in (2, 0)]  # fmt: skip

    np.testing.assert_array_equal(concat_runs(parts)["theta"].values, wanted["theta"].values)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            "continue_from: nowhere",
            "continue_from: found 'nowhere', allowed: a run directory or an",
        ),
        ("continue_from: whole\n      trajectories: 3", "trajectories: found 3, allowed: 4"),
        ("continue_from: whole\n      theta0: 0.0", "theta0: found one beside continue_from"),
        ("continue_from: .", "continue_from: no run at"),
        ("first: -1", "first: found -1"),
    ],
)
def test_what_does_not_fit_is_told_where_it_stands(whole, more, message):
    with pytest.raises(ScenarioError, match=message):
        load_scenario(written(whole[0], "wrong", 5, more))


def test_other_parts_are_refused_before_anything_is_written(whole):
    folder, _ = whole
    path = written(folder, "wrong", 5, "continue_from: whole\n      scheme: heun")

    with pytest.raises(SdesimError, match=r"arms.sde.simulate.scheme: found heun, allowed: euler-maruyama"):
        run_scenario(load_scenario(path), folder / "wrong", progress=False)
    assert not (folder / "wrong").exists()
