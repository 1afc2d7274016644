"""Increments taken apart into those of shorter steps."""

import numpy as np
import pytest
from scipy.stats import kstest

from sdesim import noise, stable
from sdesim.noise.bridge import refined
from sdesim.noise.draws import increments
from sdesim.noise.kernel import Drawn

SKEWED, ISOTROPIC = noise.Stable(alpha=1.5, scale=0.3, skew=0.7), {"structure": "isotropic", "scale": 0.3}
COUNT, STEPS, DT = 20_000, 3, 0.5


def parts(law, dim=1, halvings=2, count=COUNT, begin=0, end=None):
    """Short increments (n, dim, K) and the long ones of the plain kernel."""
    kernel = law.kernel(dim, DT, DT)
    ahead = refined(kernel, halvings).ahead
    drawn = Drawn(7, 0, 0, count, dim, STEPS * 2**halvings)
    end = drawn.steps if end is None else end
    params, table = ahead.arrays(drawn, begin, end, ahead.start(drawn))
    short = table.reshape(-1, dim, count)[begin - int(params[0]) :][: end - begin]
    return short, increments(kernel, dim, count, STEPS, seed=7).transpose(0, 2, 1)


@pytest.mark.parametrize(
    ("law", "dim"),
    [
        (noise.Gaussian(diffusion=0.3), 1),
        (noise.Gaussian(diffusion=[[1.0, 0.5], [0.5, 2.0]]), 2),
        (noise.Multiplicative(0.4), 1),
        (SKEWED, 1),
        (noise.Stable(alpha=1.0, scale=0.3, skew=-0.5), 1),
        (noise.Stable(alpha=1.5, **ISOTROPIC), 2),
        (noise.Stable(alpha=0.8, sampler="cms", **ISOTROPIC), 2),
    ],
)
def test_parts_sum_to_the_increments_of_the_run_whose_path_they_are(law, dim):
    short, whole = parts(law, dim, count=500)

    grouped = short.reshape(STEPS, 4, dim, 500)
    # Two roundings a halving, of numbers as large as the largest part.
    np.testing.assert_array_less(
        np.abs(grouped.sum(axis=1) - whole), 8 * np.finfo(float).eps * np.abs(grouped).max(axis=1) + 1e-300
    )


@pytest.mark.parametrize(
    ("law", "alpha", "beta"),
    [(SKEWED, 1.5, 0.7), (noise.Stable(alpha=1.5, **ISOTROPIC), 1.5, 0.0)],
)
def test_parts_have_the_law_of_increments_over_their_own_step(law, alpha, beta):
    short, _ = parts(law)

    # Each part alone, and the difference of two parts, which is of the law with β = 0 if they are independent
    # and twice the scale^α. Eight tests at 1e-7.
    scale = 0.3 * (DT / 4) ** (1 / alpha)
    for part in (0, 1, 2, 7):
        values = stable.cdf(short[part, 0], alpha, beta, scale=scale)
        assert kstest(values, "uniform").pvalue > 1e-7
    gap = stable.cdf(short[0, 0] - short[1, 0], alpha, 0.0, scale=scale * 2 ** (1 / alpha))
    assert kstest(gap, "uniform").pvalue > 1e-7


def test_fewer_halvings_give_the_sums_of_more_and_no_bit_depends_on_where_a_stretch_begins():
    few, _ = parts(SKEWED, halvings=1, count=200)
    many, _ = parts(SKEWED, halvings=3, count=200)

    np.testing.assert_allclose(many.reshape(6, 4, 1, 200).sum(axis=1), few, rtol=1e-9, atol=1e-12)
    some, _ = parts(SKEWED, halvings=3, count=200, begin=5, end=12)
    np.testing.assert_array_equal(some, many[5:12])


def test_what_cannot_be_taken_apart_says_so():
    for law in (
        noise.Stable(alpha=1.5, scale=0.1, truncation=1.0),
        noise.Stable(alpha=1.5, scale=0.1, tempering=1.0),
        noise.Stable(alpha=1.5, scale=0.1, matrix=[[1.0], [0.5]]),
        noise.Coloured(correlation_time=1.0, factor=1.0),
    ):
        assert law.kernel(2, DT, DT).split is None
    assert noise.Gaussian(diffusion=lambda t: 1.0 + t).kernel(1, DT, DT).split is None
