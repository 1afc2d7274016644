"""Panels of a law: many points at once agree with one at a time."""

import numpy as np
import pytest

from sdesim import stable
from sdesim.stable.functions import MANY
from sdesim.stable.kernels.panels import panels_of

LAWS = [(0.1, 0.5), (0.5, 1.0), (0.8, -1.0), (0.97, 0.6), (1.0, -0.7), (1.3, 1.0), (1.7, -0.2), (1.9999, 0.3)]


def points():
    rng = np.random.default_rng(3)
    far = 10.0 ** rng.uniform(-8.0, 20.0, 200) * rng.choice([-1.0, 1.0], 200)
    return np.concatenate([3.0 * rng.standard_cauchy(MANY), far, [0.0, np.nan, np.inf, -np.inf]])


@pytest.mark.parametrize(("alpha", "beta"), LAWS)
def test_values_of_many_points_are_those_of_single_ones(alpha, beta):
    x = points()
    some = np.concatenate([np.arange(0, x.size, 17), np.arange(x.size - 150, x.size)])

    for function in (stable.logpdf, stable.logsf, stable.logcdf):
        many = function(x, alpha, beta, parametrization="S0")[some]
        few = function(x[some], alpha, beta, parametrization="S0")
        # The panels' tolerance; of large logarithms the rounding of the integrals.
        bound = 6e-13 + 1e-14 * np.where(np.isfinite(few), np.abs(few), 0.0)
        same = (many == few) | (np.isnan(many) & np.isnan(few))
        with np.errstate(invalid="ignore"):
            assert np.all(same | (np.abs(many - few) <= bound))


def test_a_table_depends_on_its_law_alone_and_covers_the_line_where_both_tails_are_heavy():
    table = panels_of(1.5, 0.3)

    panels_of.cache_clear()

    assert np.array_equal(panels_of(1.5, 0.3).density, table.density)
    assert (table.index >= 0).all()
    assert table.error < 5e-13


@pytest.mark.parametrize(("alpha", "beta"), LAWS)
def test_quantiles_of_many_shares_are_those_of_single_ones(alpha, beta):
    rng = np.random.default_rng(4)
    q = np.concatenate([rng.uniform(size=MANY), 10.0 ** rng.uniform(-200.0, 0.0, 50), [0.0, 1.0, np.nan]])
    some = np.concatenate([np.arange(0, MANY, 41), np.arange(MANY, q.size)])

    many, few = stable.ppf(q, alpha, beta)[some], stable.ppf(q[some], alpha, beta)

    # Where x passes through 0 the share fixes it to an absolute error only; near α = 1 S1 adds its shift.
    unit = 1.0 if abs(alpha - 1.0) > 0.1 else 1.0 + abs(np.tan(0.5 * np.pi * alpha)) * (alpha != 1.0)
    scale = np.abs(few) + 0.01 * unit * (alpha > 0.9)
    with np.errstate(invalid="ignore"):
        close = np.abs(many - few) <= 2e-12 * scale
    assert np.all(close | (many == few) | (np.isnan(many) & np.isnan(few)))
