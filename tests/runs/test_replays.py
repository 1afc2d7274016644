"""A run that would begin at another's end under its seed is warned of."""

import warnings

import numpy as np
import pytest

import sdesim
from sdesim import noise, surfaces
from sdesim.runs import replays

WELL, GAUSSIAN = surfaces.DoubleWell(), noise.Gaussian(diffusion=0.3)


def simulated(driving=GAUSSIAN, **options):
    given = {"dt": 0.05, "steps": 20, "trajectories": 5, "seed": 23, "progress": False}
    return sdesim.simulate(WELL, driving, **(given | options))


def said(**options):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        simulated(**options)
    return [str(w.message) for w in found if "would come again" in str(w.message)]


def test_a_restart_from_the_last_state_under_the_same_seed_is_warned_of():
    last = simulated()["theta"][:, -1]

    for start in (last, last.values, last.values[:2]):
        assert len(said(theta0=start, trajectories=len(start))) == 1
    assert "seed, 23, whose noise would come again: go on with continue_from=run" in said(theta0=last)[0]


def test_it_is_also_of_a_run_that_was_stored_and_opened(tmp_path):
    out = tmp_path / "run.zarr"
    simulated(out=out, seed=29)
    replays._ENDED.clear()
    start = sdesim.open_run(out)["theta"].values[:, -1]

    assert len(said(theta0=start, seed=29)) == 1
    sdesim.open_run(out)
    (out / "zarr.json").unlink()
    assert not said(theta0=start + 1.0, seed=29)


def test_nothing_is_said_where_nothing_comes_again():
    run = simulated()
    last = run["theta"].values[:, -1]

    assert not said(theta0=last, seed=24)
    assert not said(theta0=last, first=5)
    assert not said(theta0=run["theta"].values[:, 3])
    assert not said(theta0=1.0)
    assert not said(theta0=last, driving=())
    assert not said(theta0=None, continue_from=run)


def test_what_has_not_moved_or_has_ended_tells_nothing():
    stays, ends = np.zeros((1, 2, 1)), np.ones((1, 2, 1))
    ends[0, 1] = 2.0
    before = len(replays._ENDED)
    for k, (theta, status) in enumerate(((stays, [0]), (ends, [2]))):
        replays.note_ended({"seed": 90 + k, "kind": "simulated"}, 0, theta, np.array(status))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            replays.warn_of_replay("simulated", 90 + k, 0, theta[:, -1], "again")
    replays.note_ended({"seed": 92, "kind": "simulated"}, 0, ends, np.array([0]))
    with pytest.warns(UserWarning, match="again"):
        replays.warn_of_replay("simulated", 92, 0, ends[:, -1], "again")
    assert len(replays._ENDED) == before + 3
