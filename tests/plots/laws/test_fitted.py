"""The figure of a fit."""

import numpy as np
import pytest

from sdesim import plots, stable
from sdesim.errors import RunError

FIT = stable.fit(np.random.default_rng(0).standard_cauchy(300), "mcculloch", goodness=None)


def test_quantiles_lie_about_the_diagonal_within_the_band_and_tails_on_the_law():
    left, right = FIT.plot()
    x, y = (np.asarray(v, dtype=float) for v in left.lines[1].get_data())
    band = left.collections[0].get_paths()[0].vertices

    assert x.size > 100
    # Quartiles are met, and the band is about the diagonal.
    middle = np.abs(x) < 1
    assert np.abs(y[middle] - x[middle]).max() < 0.5
    assert band[:, 1].min() < x.min()
    assert {line.get_label() for line in right.lines} == {"above", "below", "law above", "law below"}
    share, radius = right.lines[0].get_ydata(), right.lines[0].get_xdata()
    law = stable(*(float(e) for e in (FIT.alpha, FIT.beta, FIT.loc, FIT.scale)))
    above = law.sf(float(law.median()) + np.asarray(radius))
    # Binomial: five standard errors.
    assert (np.abs(share - above) < 5 * np.sqrt(above * (1 - above) / 300) + 1 / 300).all()


def test_bad_input_is_told_in_one_line():
    with pytest.raises(RunError, match=r"level must be between 0 and 1, got 1"):
        plots.stable_fit(FIT, level=1)
    with pytest.raises(RunError, match="axes: found 1, allowed: 2"):
        plots.stable_fit(FIT, axes=[None])
