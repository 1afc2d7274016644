"""Comparison: equal laws are rarely called different, and shifted ones are."""

import json

import numpy as np
import pytest
import xarray as xr

from sdesim.comparison import compare, rank
from sdesim.errors import RunError
from tests.runs.complete_run import complete_run


def run(values, kind, time=None, name=""):
    """A Run that holds only a loss (trajectory, step)."""
    count, steps = values.shape
    time = np.arange(steps, dtype=float) if time is None else time
    return xr.Dataset(
        {"loss": (("trajectory", "step"), values)},
        {"trajectory": np.arange(count), "step": np.arange(steps), "time": ("step", time)},
        {"kind": kind, "name": name or kind},
    )


def curves(rng, count, shift=0.0, steps=30):
    """Curves with a common shape, a seed's own level, and noise over time."""
    shape = 5.0 + np.sin(np.arange(steps) / 5.0)
    return shape + shift + rng.standard_normal((count, 1)) + 0.3 * rng.standard_normal((count, steps))


def test_equal_laws_are_called_different_at_most_at_the_stated_rate():
    rng = np.random.default_rng(0)
    reps = 100

    # Of few steps: most of the time of a comparison goes into its power, which grows with them.
    def equal(kind):
        return run(curves(rng, 4, steps=8), kind)

    calls = sum(
        compare(equal("simulated"), equal("real"), ["loss"]).quantities["loss"].outcome == "differs"
        for _ in range(reps)
    )

    # At most 5% by design; Bin(100, 0.05) exceeds 18 with probability 5e-7.
    assert calls <= 18


@pytest.mark.parametrize("count", [4, 8])
def test_a_shift_of_many_spreads_is_told_and_measured(count):
    rng = np.random.default_rng(1)

    found = compare(run(curves(rng, count, 20.0), "simulated"), run(curves(rng, count), "real"), ["loss"])

    q = found.quantities["loss"]
    assert q.outcome == "differs"
    assert q.distance > 8
    assert "differs" in found.verdicts[0]
    assert q.effect[1] <= q.effect[0] <= q.effect[2]
    assert q.first_seen == 0.0


def test_rounding_at_a_common_start_is_not_yet_a_difference():
    rng = np.random.default_rng(1)
    simulated, real = curves(rng, 4, 20.0), curves(rng, 4)
    simulated[:, 0], real[:, 0] = 5.0, 5.0 + 1e-15

    q = compare(run(simulated, "simulated"), run(real, "real"), ["loss"]).quantities["loss"]

    assert q.first_seen == 1.0


def test_two_real_seeds_give_no_verdict():
    rng = np.random.default_rng(2)

    q = compare(run(curves(rng, 4, 20.0), "simulated"), run(curves(rng, 2), "real"), ["loss"]).quantities[
        "loss"
    ]

    assert q.outcome == "undecided"
    assert "at least 3 needed" in q.verdict


def test_a_diverged_trajectory_is_left_out_and_counted():
    rng = np.random.default_rng(3)
    values = curves(rng, 4)
    values[2, 5:] = np.nan

    found = compare(run(values, "simulated"), run(curves(rng, 4), "real"), ["loss"])

    assert found.quantities["loss"].dropped == 1
    assert any("left out" in note for note in found.notes)


def test_how_many_trajectories_were_probed_is_said_where_it_is_not_all():
    rng = np.random.default_rng(3)
    sde, net = run(curves(rng, 4), "simulated", name="sde"), run(curves(rng, 4), "real", name="net")
    sde.attrs["probe_trajectories"], net.attrs["probe_trajectories"] = 2, 4

    assert compare(sde, net, ["loss"]).notes[0] == "Probed trajectories: 2 of 4 of sde."


def test_a_comparison_is_plain_json():
    rng = np.random.default_rng(4)
    found = compare(run(curves(rng, 3), "simulated"), run(curves(rng, 3), "real"), ["loss"])

    text = json.dumps(found.to_dict(), allow_nan=False)

    assert json.loads(text)["quantities"]["loss"]["outcome"] == found.quantities["loss"].outcome


def test_what_an_arm_does_not_hold_is_refused():
    values = curves(np.random.default_rng(5), 3)

    with pytest.raises(RunError, match="no quantity 'C_alpha'"):
        compare(run(values, "simulated"), run(values, "real"), ["C_alpha"])
    with pytest.raises(RunError, match="level"):
        compare(run(values, "simulated"), run(values, "real"), level=1.0)


def test_a_comparison_and_a_ranking_are_short_and_are_tables():
    real, sim = complete_run(), complete_run("simulated", 1, "<sde>")
    found = compare(sim, real)

    text, page, table = repr(found), found._repr_html_(), found.to_table()

    assert len(text) < 4000
    assert text.startswith(f"<Comparison of '<sde>' with 'net': of {len(found.independent)} independent")
    assert "<sde>" not in page
    assert page.count("<tr>") == 1 + len(found.quantities)
    assert list(table.quantity) == list(found.quantities)
    assert list(table[table.independent].quantity) == found.independent
    assert all(len(repr(q)) < 400 for q in found.quantities.values())
    # A mean over time beside "not told apart" would contradict it.
    for name, q in found.quantities.items():
        line = next(x for x in text.splitlines() if x.strip().split()[0] == name)
        assert ("times" in line or "real value" in line or "by" in line) == (q.outcome != "indistinguishable")


def test_a_ranking_shows_its_order():
    real = complete_run()
    found = rank({"<a>": complete_run("simulated", 1), "b": complete_run("simulated", 2)}, real)

    assert repr(found).splitlines()[1].strip().startswith(f"1. <{found.order[0].name}: ")
    assert list(found.to_table().name) == [r.name for r in found.order]
    assert "<a>" not in found._repr_html_()
