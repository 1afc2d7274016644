"""The spline of the stable law's density."""

import numpy as np
import pytest

from sdesim import stable
from sdesim.fits.stable_density import log_density


@pytest.mark.parametrize("alpha", [0.5, 0.9, 1.0, 1.5, 1.97, 2.0])
def test_it_is_the_law_to_far_below_what_a_likelihood_shows(alpha):
    z = np.r_[0.0, np.geomspace(1e-4, 1e12, 400)] if alpha < 2 else np.linspace(0.0, 20.0, 400)

    found = log_density(np.r_[z, -z], alpha)

    # A sum over 10⁴ values then moves by less than a tenth of the cutoff of an interval.
    assert found == pytest.approx(np.tile(stable.logpdf(z, alpha), 2), abs=2e-5)
