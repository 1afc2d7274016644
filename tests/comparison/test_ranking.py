"""Which of several simulations is the closest."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from sdesim.comparison import rank
from sdesim.comparison.ranking import Ranked, Ranking
from sdesim.errors import RunError

TIMES = np.arange(20.0)


def made(seed, n=8, shift=0.0):
    """Seeds whose weight norm is 5 + shift and whose loss is 1/(1+t), times noise of 10%."""
    rng = np.random.default_rng(seed)
    steps = ("trajectory", "step")
    noise = np.exp(0.1 * rng.standard_normal((2, n, 1)) + 0.03 * rng.standard_normal((2, n, 20)))
    return xr.Dataset(
        {"loss": (steps, noise[0] / (1 + TIMES)), "weight_norm": (steps, (5 + shift) * noise[1])},
        coords={"time": ("step", TIMES)},
    )


def test_a_further_sample_of_the_same_law_scores_about_one():
    scores = [rank({"same": made(k)}, made(1000 + k)).order[0].score for k in range(40)]

    # The log score of two quantities has a standard deviation below 0.8: 5 s.e. of 40 are 0.63; its mean lies
    # below 0 by Jensen's inequality, by half the variance at most (0.32).
    assert -0.63 - 0.32 < np.mean(np.log(scores)) < 0.63


def test_the_nearest_law_comes_first_and_farther_ones_are_told_from_it():
    arms = {"far": made(1, shift=4.0), "near": made(2), "middle": made(3, shift=1.5)}

    found = rank(arms, made(4))

    assert [r.name for r in found.order] == ["near", "middle", "far"]
    assert found.quantities == ("loss", "weight_norm")
    assert found.order[0].behind == (1.0, 1.0, 1.0)
    assert found.order[2].behind[0] > found.order[1].behind[0] > 1
    assert not found.order[2].tied
    assert found.verdict.startswith("near is closest")
    assert "test_accuracy" in found.notes[0]


def test_arms_of_one_law_are_called_tied():
    # The interval of log(behind) is a t-interval at 1 − 1e-7; a false alarm has about that chance.
    found = rank({"a": made(5), "b": made(6)}, made(7), level=1 - 1e-7)

    assert found.order[1].tied
    assert "not told from it" in found.verdict


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"arms": {}}, "at least one"),
        ({"level": 1.0}, "level must be"),
        ({"arms": {"few": made(1, n=2)}}, "at least 3 seeds"),
        ({"quantities": ["lambda_max"]}, "have no 'lambda_max'"),
    ],
)
def test_bad_arguments_are_named(change, said):
    given = {"arms": {"one": made(1)}, "real": made(2), **change}

    with pytest.raises(RunError, match=said):
        rank(**given)


def test_a_ranking_shows_names_of_arms_as_printable_text():
    hostile = "a\x1b]0;title\x07\r\u202e"
    far = Ranked(hostile, 3.0, 2.0, 4.0, (2.0, 1.5, 2.5), tied=False)
    ranking = Ranking((Ranked(hostile, 1.0, 0.5, 1.5), far), ("loss",), 0.95, ())
    tied = Ranking((far, Ranked(hostile, 3.0, 2.0, 4.0, (1.1, 0.9, 1.2))), ("loss",), 0.95, ())

    for text in (repr(far), *repr(ranking).splitlines(), ranking.verdict, tied.verdict):
        assert text.isprintable()
