"""The statistics of a run's exit times: what was watched, until when, and what ended the watch."""

import math

import numpy as np
import pytest

import sdesim
from sdesim import events, noise, surfaces
from sdesim.errors import RunError
from sdesim.kinds import dump, read
from tests.engine.watched import simulate


def test_trajectories_that_had_not_left_count_as_long_as_they_were_watched():
    run = simulate(events.Exit(-1.0, 1.0))

    found = sdesim.exit_statistics(run)

    left = ~run.exit_censored.values[:, 0]
    time = np.where(left, run.exit_time.values[:, 0], 3.0).sum()
    assert 0 < left.sum() < 200
    assert found.rate.value == pytest.approx(left.sum() / time)
    assert found.survival.share[-1] == pytest.approx((~left).mean())
    assert found.survival.times[-1] == pytest.approx(3.0)
    # Brownian motion needs time to reach the walls, so its hazard rises from 0.
    assert found.mean.has("hazard_not_constant")
    assert math.isnan(found.mean.value)
    named = sdesim.exit_statistics(run, "x0 outside [-1, 1]")
    assert named.rate == found.rate


def test_what_another_event_stopped_is_flagged():
    run = simulate(events.Exit(upper=1.0), events.Exit(lower=-1.0))

    assert sdesim.exit_statistics(run, 1).median.has("stopped_by_another")
    assert not sdesim.exit_statistics(simulate(events.Exit(upper=1.0))).median.has("stopped_by_another")


def test_what_blew_up_is_flagged():
    start = np.full((20, 1), 60.0)
    run = sdesim.simulate(
        surfaces.DoubleWell(), (), start, dt=0.5, steps=20, trajectories=20, progress=False,
        events=[events.Exit(upper=1e6, stop=False)],
    )  # fmt: skip

    assert (run.status.values == 1).all()
    found = sdesim.exit_statistics(run)
    assert found.rate.has("diverged") == bool(run.exit_censored.values.any())


def test_a_run_without_exits_and_an_unknown_event_are_refused():
    with pytest.raises(RunError, match="the run watched no exits"):
        sdesim.exit_statistics(simulate(steps=2))
    with pytest.raises(RunError, match="event: found 1, allowed: 0 to 0, or x0 outside"):
        sdesim.exit_statistics(simulate(events.Exit(-1.0, 1.0), steps=2), 1)


def test_no_bound_is_none_or_infinite_in_python_and_left_out_in_files():
    open_below = [events.Exit(upper=1.0), events.Exit(-math.inf, 1.0), events.Exit(None, np.float64(1.0))]

    assert len({repr(e) for e in open_below}) == 1
    assert open_below[0].name == "x0 outside [-inf, 1]"
    assert read("events", {"kind": "exit", "upper": 1}) == open_below[0]
    assert dump(open_below[1]) == {
        "kind": "exit",
        "lower": None,
        "upper": 1.0,
        "coordinate": 0,
        "stop": True,
        "monitoring": "continuous",
        "overshoot": False,
    }


def test_steps_that_are_thrown_across_are_flagged():
    # Beyond √(1 + 1/dt) = 10.05 a step of ¼ (x² − 1)² lands on the other side.
    def found(start):
        run = sdesim.simulate(
            surfaces.DoubleWell(), noise.Stable(1.5, 1e-9), np.full((5, 1), start), dt=0.01, steps=2,
            trajectories=5, progress=False, scheme="euler-maruyama", events=[events.Exit(lower=0.0)],
        )  # fmt: skip
        return sdesim.exit_statistics(run)

    assert found(10.2).median.has("explicit_overshoot")
    assert not found(9.9).median.has("explicit_overshoot")
