"""What a scheme can't be driven by is refused before anything is compiled."""

import numpy as np
import pytest

from sdesim import noise, surfaces
from sdesim.engine import drive
from sdesim.errors import SdesimError

BOWL = surfaces.Quadratic([1.0, 2.0])
GIVEN = np.zeros((3, 4, 2))
ADDITIVE, MULTIPLICATIVE = noise.Gaussian(diffusion=0.1), noise.Multiplicative(0.1)


@pytest.mark.parametrize(
    ("noises", "start", "given", "options", "words"),
    [
        ([ADDITIVE], 0.0, GIVEN[0], {}, r"increments must be \(steps, K, 2\), got shape \(4, 2\)"),
        ([ADDITIVE], 0.0, GIVEN, {"dt": 0.0}, "dt must be above 0, got 0"),
        ([ADDITIVE, MULTIPLICATIVE], 0.0, GIVEN, {}, "either additive or multiplicative noises"),
        ([ADDITIVE], 0.0, GIVEN, {"scheme": "sra1"}, "scheme 'sra1' needs auxiliary increments"),
        (
            [ADDITIVE], 0.0, GIVEN, {"scheme": "sra1", "auxiliary": GIVEN[:2]},
            r"auxiliary must have the shape \(3, 4, 2\), got \(2, 4, 2\)",
        ),
        ([ADDITIVE], np.zeros(3), GIVEN, {}, r"theta0 must be a number, "),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_by_name(noises, start, given, options, words):
    with pytest.raises(SdesimError, match=words):
        drive(BOWL, noises, start, given, **({"dt": 0.1} | options))
