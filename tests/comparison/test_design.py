"""What pairs trajectory k of one arm with trajectory k of the other, and what that changes."""

import numpy as np
import pytest
import xarray as xr

from sdesim.comparison import compare
from sdesim.comparison.design import NUMBERS, ORDER, STARTS, shared


def run(starts, kind="real", **attrs):
    """A Run of trajectories (n, 2) that stay where they begin."""
    theta = np.repeat(np.asarray(starts, dtype=float)[:, None], 3, axis=1)
    return xr.Dataset(
        {"theta": (("trajectory", "step", "param"), theta)}, {"step": np.arange(3)}, {"kind": kind, **attrs}
    )


STARTING = np.array([[1.0, 2.0], [3.0, 4.0], [-5.0, 6.0]])


def test_arms_that_begin_at_the_same_several_points_are_paired():
    assert shared(run(STARTING * (1 + 1e-7), "simulated"), run(STARTING)) == (STARTS,)


@pytest.mark.parametrize(
    "other", [STARTING[[1, 0, 2]], STARTING[:2], STARTING + 0.01], ids=["order", "number", "place"]
)
def test_other_starts_pair_nothing(other):
    assert shared(run(other, "simulated"), run(STARTING)) == ()


def test_one_start_for_all_is_nothing_to_share():
    alike = np.ones((3, 2))

    assert shared(run(alike, "simulated"), run(alike)) == ()


def test_recorded_runs_of_one_seed_share_the_order_of_the_data_and_simulated_ones_their_numbers():
    alike, order = np.ones((3, 2)), {"seed": 1, "sampling": "epoch", "batch_size": 8, "dataset_size": 100}
    driven = {"seed": 1, "dt": 0.1, "steps": 3, "noise": ["Gaussian"]}

    assert shared(run(alike, **order), run(alike, **order)) == (ORDER,)
    assert shared(run(alike, **order), run(alike, **{**order, "seed": 2})) == ()
    assert shared(run(alike, **order), run(alike, **{**order, "batch_size": 0})) == ()
    assert shared(run(alike, "simulated", **driven), run(alike, "simulated", **driven)) == (NUMBERS,)
    assert shared(run(alike, "simulated", **driven), run(alike, **order)) == ()


def arms(rng, n, shift):
    """Runs whose loss keeps most of where a trajectory begins."""
    starts = rng.standard_normal((n, 2))
    found = []
    for kind, move in (("simulated", shift), ("real", 0.0)):
        loss = 5 + starts[:, :1] + move * np.linspace(0, 1, 10) + 0.1 * rng.standard_normal((n, 10))
        loss[:, 0] = 5 + starts[:, 0]
        theta = np.repeat(starts[:, None], 10, axis=1)
        found.append(
            xr.Dataset(
                {"loss": (("trajectory", "step"), loss), "theta": (("trajectory", "step", "param"), theta)},
                {"step": np.arange(10), "time": ("step", np.arange(10.0))},
                {"kind": kind},
            )
        )
    return found


@pytest.mark.parametrize("n", [6, 12])
def test_what_pairs_share_does_not_hide_a_difference(n):
    rng = np.random.default_rng(n)

    sim, real = arms(rng, n, 0.5)
    found = compare(sim, real, ["loss"])
    # Without their starts nothing says that they belong together.
    apart = compare(sim.drop_vars("theta"), real, ["loss"])

    q = found.quantities["loss"]
    assert (q.outcome, q.paired) == ("differs", True)
    assert q.effect[2] - q.effect[1] < 0.2 * (
        apart.quantities["loss"].effect[2] - apart.quantities["loss"].effect[1]
    )
    assert apart.quantities["loss"].outcome != "differs"
    assert found.shared == (STARTS,)
    assert "Trajectories are compared in pairs: same starts." in found.notes
    assert f"n={n} pairs" in q.verdict
    # No farther than half a spread anywhere, which n pairs show within one.
    assert q.equivalence.shown


def test_equal_laws_in_pairs_are_called_different_at_most_at_the_stated_rate():
    rng = np.random.default_rng(7)
    reps = 60

    calls = sum(
        compare(*arms(rng, 5, 0.0), ["loss"]).quantities["loss"].outcome == "differs" for _ in range(reps)
    )

    # At most 5% by design; Bin(60, 0.05) exceeds 14 with probability 5e-7.
    assert calls <= 14
