"""What is run again is found again, and what is not is told."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from sdesim.errors import RunError
from sdesim.io.progress import MARK
from sdesim.runs import measure, open_run
from sdesim.scenario import check_again, parse_scenario, rerun, run_scenario
from sdesim.scenario.rerunning import compared, environment

SMALL = """\
name: small
seed: 5
arms:
  sde:
    simulate: {surface: {kind: quadratic, eigenvalues: [1]}, noise: [{kind: gaussian, diffusion: 0.1}],
               dt: 0.1, steps: 20, trajectories: 4}
"""
PROBED = SMALL + "probes: {every: 10, samples: 8}\n"
NOTED = {
    "versions": {"numba": "1"},
    "host": {"machine": "x86_64", "cores": 2},
    "git_commit": "a",
}


def test_a_run_is_found_again_to_the_bit_and_a_later_one_is_not(tmp_path):
    run_scenario(parse_scenario(SMALL), tmp_path / "run", progress=False)

    found = check_again(tmp_path / "run", tmp_path / "again", threads=1, progress=False)
    rerun(tmp_path / "run", tmp_path / "third", progress=False)

    assert found["environment"] == {}
    assert found["exact"]
    assert found["same"]
    assert {v["outcome"] for v in found["arms"]["sde"].values()} == {"same bits"}
    assert "theta" in found["arms"]["sde"]
    third = open_run(tmp_path / "third")["theta"].values
    assert third.tobytes() == open_run(tmp_path / "again")["theta"].values.tobytes()
    (tmp_path / "run" / MARK).touch()
    with pytest.raises(RunError, match="was not finished: go on with sdesim resume"):
        check_again(tmp_path / "run", progress=False)


def test_what_is_measured_is_compared_too_and_elsewhere_within_the_tolerance(tmp_path):
    run_scenario(parse_scenario(PROBED), tmp_path / "run", progress=False)
    run = open_run(tmp_path / "run").load()

    found = check_again(tmp_path / "run", threads=1, progress=False)

    def outcomes(share, exact=False):
        # Another processor rounds otherwise.
        rng = np.random.default_rng(1)
        kept = [n for n, v in run.data_vars.items() if "probe" in v.dims and v.dtype.kind == "f"]
        other = run.assign({n: run[n] * (1.0 + share * rng.uniform(-1, 1, run[n].shape)) for n in kept})
        return {n: v["outcome"] for n, v in compared(measure(run), measure(other), exact).items()}

    assert found["same"]
    assert {"C_alpha", "C_alpha_low", "p", "phase"} <= set(found["measured"]["sde"])
    assert {v["outcome"] for v in found["measured"]["sde"].values()} == {"same bits"}
    near = outcomes(2.0**-40)
    assert near["C_alpha"] == "within the tolerance"
    assert "differs" not in near.values()
    assert outcomes(2.0**-40, exact=True)["C_alpha"] == "differs"
    assert outcomes(1e-4)["C_alpha"] == "differs"


def test_what_differs_is_told_with_its_size_and_place():
    x = np.array([[1.0, -4.0, np.nan], [0.0, 2.0, 1.0]])
    near, far, lost, signed = x.copy(), x.copy(), x.copy(), x.copy()
    near[1, 1] *= 1.0 + 2.0**-40
    far[1, 1] = 3.0
    lost[0, 0] = np.nan
    signed[1, 0] = -0.0

    def told(other, exact):
        pair = (xr.Dataset({"x": (("trajectory", "step"), v)}) for v in (x, other))
        return compared(*pair, exact)["x"]

    assert told(x.copy(), True)["outcome"] == "same bits"
    # 2 · 2⁻⁴⁰ of the largest value, 4.
    assert told(near, True) == {
        "outcome": "differs",
        "difference": 2.0**-41,
        "first": {"trajectory": 1, "step": 1},
        "missing": False,
    }
    assert told(near, False)["outcome"] == "within the tolerance"
    assert told(far, False)["difference"] == 0.25
    assert told(far, False)["outcome"] == "differs"
    assert told(lost, False)["difference"] == np.inf
    assert told(signed, True)["outcome"] == "differs"
    assert told(signed, False)["outcome"] == "within the tolerance"
    assert told(x[:, :2], False)["outcome"] == "differs"
    assert compared(xr.Dataset({"x": 1.0}), xr.Dataset(), True)["x"]["missing"]


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ({"host": {"machine": "x86_64", "cores": 64}}, {}),
        ({"host": {"machine": "arm64"}}, {"machine": ["x86_64", "arm64"]}),
        ({"versions": {"numba": "2", "torch": "3"}}, {"numba": ["1", "2"], "torch": [None, "3"]}),
        ({"git_commit": "b"}, {"git_commit": ["a", "b"]}),
    ],
)
def test_the_environment_is_what_can_change_bits(now, told):
    assert environment(NOTED, {**NOTED, **now}) == told
