"""What a reading of a simulation costs, and readings without draws that can't be."""

import numpy as np
import pytest

import sdesim
from sdesim.engine.price import reading_price
from sdesim.errors import SdesimError
from sdesim.runs import Probes


def test_only_the_probed_trajectories_cost_and_sums_over_examples_cost_more():
    examples = sdesim.noises.Minibatch()
    plain, summed = (reading_price(Probes(trajectories=2), noises, 8) for noises in ([], [examples]))

    assert plain.gradients == 2 / 8
    assert reading_price(Probes(trajectories=2), [], 1).gradients == 1.0
    assert summed.gradients == 2 / 8 * (3 + 64 / 3)


@pytest.mark.parametrize("settings", [{"exact": True}, {"precision": 0.1}])
def test_readings_without_draws_are_refused_of_noise_whose_variance_is_infinite(settings):
    def made(noise, **asked):
        return sdesim.simulate(
            sdesim.surfaces.Quadratic(np.ones(2)), [noise], dt=0.1, steps=1, progress=False,
            probes=Probes(every=2, samples=4, branches=0, estimators=("gradient",), **asked),
        )  # fmt: skip

    with pytest.raises(SdesimError, match=r"probes\.(exact: found true|precision: found 0\.1), allowed"):
        made(sdesim.noise.Stable(1.5, 0.1), **settings)
    assert np.isfinite(made(sdesim.noise.Gaussian(0.1), **settings)["exact_signal"].values[0, 0])
