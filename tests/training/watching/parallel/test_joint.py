"""One step of several ranks, from what each read."""

import math
from dataclasses import replace

import numpy as np
import pytest

from sdesim.training.watching.parallel.joint import RankRead, joint


def read_of(parts, given, **changes):
    """What a rank reads whose parts (k, d) add up to its gradient, where the step's is ``given``, of two."""
    values = {
        "squares": float((parts**2).sum()), "overlap": 1 / len(parts), "passes": len(parts), "batch": 4,
        "share": float(given @ given) / 2, "own": parts.sum(axis=0), "given": given, "weights": 1.0,
        "layers": {"a": (float(given @ given) / 2, float((parts**2).sum()))},
    }  # fmt: skip
    return RankRead(**{**values, **changes})


PARTS = np.random.default_rng(0).normal(size=(2, 3, 6))
MEAN = PARTS.sum(axis=1).mean(axis=0)
WHOLE, SQUARES = float(MEAN @ MEAN), float((PARTS**2).sum()) / 4


def of_two(factor=1.0, **changes):
    return joint([read_of(parts, factor * MEAN, **changes) for parts in PARTS], [4, 6])


@pytest.mark.parametrize(
    ("factor", "changes", "unit", "clipped"),
    [
        (1.0, {}, 1.0, False),
        (0.01, {}, 1.0, True),
        (2.0, {}, 2.0, False),
        # Of a scaled loss: unscaled before the step, or by the optimizer itself.
        (1.0, {"scale": 8.0, "squares_by": 1 / 64}, 1 / 8, False),
        (1 / 8, {"scale": 8.0, "squares_by": 1 / 64}, 1 / 8, False),
        (1 / 80, {"scale": 8.0, "squares_by": 1 / 64}, 1 / 8, True),
    ],
)
def test_the_whole_and_its_parts_are_of_one_gradient_whatever_the_optimizer_is_given(
    factor, changes, unit, clipped
):
    by = changes.pop("squares_by", 1.0)
    ranks = [read_of(parts, factor * MEAN, **changes) for parts in PARTS]
    found = joint([replace(rank, squares=by * rank.squares) for rank in ranks], [4, 6]).read

    assert found.clipped == clipped
    assert found.whole == pytest.approx(unit**2 * WHOLE)
    assert found.squares == pytest.approx(unit**2 * SQUARES)
    # Six parts of one weight.
    assert found.overlap == pytest.approx(1 / 6)
    assert found.batch == 8


def test_a_layer_s_numbers_are_those_of_all_ranks():
    assert of_two().read.groups["a"] == pytest.approx((WHOLE, SQUARES))


def test_ranks_that_divide_by_what_all_have_weigh_as_much_as_they_have():
    ranks = [read_of(parts, MEAN, weight=w) for parts, w in zip(PARTS, (0.5, 1.5), strict=True)]
    assert joint(ranks, [4, 6]).read.overlap == pytest.approx((0.25**2 + 0.75**2) / 3)
    # A rank that does not tell: each weighs the same.
    assert joint([ranks[0], read_of(PARTS[1], MEAN)], [4, 6]).read.overlap == pytest.approx(1 / 6)


def test_rounding_on_the_way_is_flagged_and_unequal_batches_too():
    rounded = MEAN * (1 + 2e-3 * np.array([1, -1, 1, -1, 1, -1]))
    ranks = [read_of(parts, rounded, batch=n) for parts, n in zip(PARTS, (4, 5), strict=True)]

    found = joint(ranks, [4, 6]).read
    assert found.flags == ("ranks_unequal", "ranks_rounded")
    assert found.batch == 9


@pytest.mark.parametrize(
    ("ranks", "why"),
    [
        ([read_of(PARTS[0], MEAN), None], "rank 1 was not heard of"),
        ([read_of(PARTS[0], MEAN), RankRead(why="no memory")], "rank 1: no memory"),
        ([read_of(PARTS[0], MEAN)] * 2, "ranks 0 and 1 have the same gradient"),
        ([read_of(p, p.sum(axis=0)) for p in PARTS], "each rank steps along its own gradient"),
        ([read_of(p, MEAN + np.eye(6)[4]) for p in PARTS], "not the mean of the ranks"),
        ([read_of(p, -MEAN) for p in PARTS], "not the mean of the ranks"),
        ([read_of(p, 1.7 * MEAN) for p in PARTS], "gradients were changed"),
        ([read_of(p, MEAN * math.inf) for p in PARTS], "not finite"),
        ([read_of(p, MEAN, weights=k) for k, p in enumerate(PARTS)], "ranks have different weights"),
        ([read_of(p, MEAN, scale=2.0**k) for k, p in enumerate(PARTS)], "scale their losses differently"),
        ([read_of(p, MEAN * [1, 1, 1, 1, 1, math.nan]) for p in PARTS], "held by no rank"),
        ([read_of(0 * p, 0 * MEAN, weights=1.0) for p in PARTS], "0 wherever it was looked at"),
    ],
)
def test_what_is_no_mean_of_independent_ranks_is_not_read(ranks, why):
    assert why in joint(ranks, [4, 6])


def test_numbers_that_are_held_by_one_rank_are_taken_from_there():
    here = np.array([True, True, True, False, False, False])
    ranks = [
        read_of(parts, np.where(held, MEAN, math.nan), share=float((MEAN[held] ** 2).sum()))
        for parts, held in zip(PARTS, (here, ~here), strict=True)
    ]
    assert joint(ranks, [4, 6]).read.whole == pytest.approx(WHOLE)
