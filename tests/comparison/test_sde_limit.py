"""The gap between an optimizer and its SDE, from runs with amplified noise."""

import numpy as np
import pytest
import xarray as xr

from sdesim.comparison import sde_limit
from sdesim.errors import RunError


def runs(gap, seeds=8, factors=(1, 2, 4), spread=1.0, curved=0.0):
    """Runs whose means are 3 + gap/l + curved/l², their seeds evenly spread to the standard deviation."""
    shape = np.linspace(-1, 1, seeds)
    shape *= spread / shape.std(ddof=1)
    return {
        k: xr.Dataset({
            "loss": (("trajectory", "step"), np.tile((3 + gap / k + curved / k**2 + shape)[:, None], 20)),
        })
        for k in factors
    }  # fmt: skip


def test_a_line_in_one_over_l_gives_its_gap_exactly_in_spreads():
    found = sde_limit(runs(1.5, spread=0.5))

    gap = found.gaps["loss"]
    assert gap.value == pytest.approx(3.0, rel=1e-12)
    assert gap.low < 3.0 < gap.high
    assert gap.n == 24
    assert gap.flags == ()


def test_the_interval_of_two_factors_is_that_of_twice_their_difference():
    # b = 2 (mean₁ − mean₂), both with variance s²/K: Welch's df is 2(K − 1).
    gap = sde_limit(runs(0.0, seeds=6, factors=(1, 2))).gaps["loss"]

    assert gap.high == pytest.approx(2 * np.sqrt(2 / 6) * 2.2281388520, rel=1e-8)


@pytest.mark.parametrize(
    ("gap", "verdict"), [(0.0, "fair within 1"), (40.0, "not fair"), (1.0, "undecided"), (-40.0, "not fair")]
)
def test_verdicts(gap, verdict):
    found = sde_limit(runs(gap, seeds=64))

    assert found.verdict == verdict
    assert verdict in found.summary
    assert "loss" in found.summary


def test_means_off_the_line_are_flagged():
    assert sde_limit(runs(0.0, seeds=64, curved=20.0)).gaps["loss"].flags == ("not_linear",)


def test_what_can_not_be_judged_is_refused():
    with pytest.raises(RunError, match="at the factor 1 and at larger ones"):
        sde_limit(runs(0.0, factors=(2, 4)))
    with pytest.raises(RunError, match="has no test_loss"):
        sde_limit(runs(0.0), ["test_loss"])
    with pytest.raises(RunError, match="in which seeds differ"):
        sde_limit(runs(0.0, spread=0.0))
    with pytest.raises(RunError, match="two seeds"):
        sde_limit({k: run.isel(trajectory=[0]) for k, run in runs(0.0).items()})
    lost = runs(0.0)
    lost[2]["loss"][0, -1] = np.nan
    with pytest.raises(RunError, match="a seed diverged"):
        sde_limit(lost)
