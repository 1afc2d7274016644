"""Whole paths of two arms: exact level by exchanged labels, power, and what is refused."""

import math

import numpy as np
import pytest
import xarray as xr

from sdesim.comparison import compare, path_test
from sdesim.errors import RunError


def paths(rng, n, shift=0.0, rough=0.0, starts=None, steps=20):
    """A Run of n random walks in three directions from given starts, or from one."""
    walks = np.cumsum(rng.standard_normal((n, steps, 3)), axis=1) / math.sqrt(steps)
    walks[:, 0] = 0.0
    walks += shift * np.linspace(0, 1, steps)[:, None] + rough * rng.standard_normal(walks.shape)
    walks += 0.0 if starts is None else starts[:, None]
    if starts is not None:
        walks[:, 0] = starts
    held = {
        "theta_projection": (("trajectory", "step", "direction"), walks),
        "loss": (("trajectory", "step"), (walks**2).sum(axis=2)),
    }
    return xr.Dataset(held, {"step": np.arange(steps), "time": ("step", np.arange(float(steps)))})


def test_paths_of_one_law_are_told_apart_at_the_stated_rate():
    rng = np.random.default_rng(0)
    reps = 100

    calls = sum(path_test(paths(rng, 5), paths(rng, 5)).outcome == "differs" for _ in range(reps))

    # 252 splits: at most 5% by design; Bin(100, 0.05) exceeds 19 with probability 1e-7.
    assert calls <= 19


@pytest.mark.parametrize("change", [{"shift": 4.0}, {"rough": 0.7}])
def test_other_means_and_other_roughness_are_seen(change):
    rng = np.random.default_rng(1)

    told = path_test(paths(rng, 8, **change), paths(rng, 8))

    # 8 + 8: 12,870 splits, of which 4,000 are drawn, the observed one first.
    assert (told.outcome, told.p_smallest) == ("differs", 1 / 4000)
    assert told.p_value < 0.01
    assert told.apart > 0
    assert told.verdict.startswith("whole paths differ (p=")


def test_of_arms_far_apart_the_smallest_p_is_reached_and_of_too_few_seeds_nothing_is_said():
    rng = np.random.default_rng(2)

    four = path_test(paths(rng, 4, shift=90.0), paths(rng, 4))
    three = path_test(paths(rng, 3, shift=90.0), paths(rng, 3))

    assert (four.outcome, four.p_value, four.p_smallest) == ("differs", pytest.approx(2 / 70), 2 / 70)
    assert (three.outcome, three.p_smallest) == ("undecided", 2 / 20)
    assert "exchanged labels can't go below p=0.1" in three.verdict


def test_trajectories_that_share_their_starts_are_exchanged_in_pairs():
    rng = np.random.default_rng(3)
    starts = 9 * rng.standard_normal((8, 3))
    real, sim = paths(rng, 8, starts=starts), paths(rng, 8, shift=1.5, starts=starts)

    told = path_test(sim, real)
    alone = path_test(sim, real, paired=False)

    assert (told.paired, told.p_smallest) == (True, 2 / 256)
    assert told.outcome == "differs"
    assert told.p_value < alone.p_value
    assert "n=8 pairs" in told.verdict


def test_a_start_that_differs_by_rounding_alone_tells_nothing():
    rng = np.random.default_rng(4)
    real, sim = paths(rng, 8), paths(rng, 8)
    base = path_test(sim, real).p_value
    sim["loss"][:, 0] = 1e-9

    assert path_test(sim, real).p_value == pytest.approx(base, abs=1e-3)


def test_a_comparison_holds_the_test_of_paths():
    rng = np.random.default_rng(5)

    found = compare(paths(rng, 4), paths(rng, 4), ["loss"])

    assert found.paths.numbers == ("theta_projection", "loss")
    assert found.verdicts[-1] == f"paths: {found.paths.verdict}"
    assert found.to_dict()["paths"]["p_smallest"] == 2 / 70
    assert "PathTest" in repr(found)


def test_what_is_no_path_is_none_or_named():
    rng = np.random.default_rng(6)
    run, other = paths(rng, 4), paths(rng, 4).rename(loss="height", theta_projection="x")

    assert path_test(run, other) is None
    assert path_test(run.isel(trajectory=[0]), run) is None
    with pytest.raises(RunError, match="the real run has no number 'loss' over steps"):
        path_test(run, other, ["loss"])
    with pytest.raises(RunError, match="equal numbers of trajectories, got 3 and 4"):
        path_test(run.isel(trajectory=slice(3)), run, paired=True)
    with pytest.raises(RunError, match="level"):
        path_test(run, run, level=1.0)
