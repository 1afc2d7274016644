"""Numbers are read in one way, whatever holds them, by simulations, laws and fits as by estimators."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import sdesim
from sdesim import noise, surfaces
from sdesim.errors import SdesimError
from sdesim.kinds.arrays import NoNumbers, real_array

sys.path.insert(0, str(Path(__file__).parent.parent / "estimators"))
import bad

X = np.linspace(-1.0, 1.0, 12)
NESTED: list = []
for _ in range(2000):
    NESTED = [NESTED]
MORE = {
    "without end": lambda x: NESTED,
    "a tensor of no device": lambda x: torch.empty(x.shape, device="meta"),
    "complex numbers of torch": lambda x: torch.tensor(x) + 1j,
}
REFUSED = {**bad.REFUSED, **MORE}


def simulated(surface=None, theta0=None, diffusion=0.1, **given):
    well = surfaces.DoubleWell() if surface is None else surface
    options = {"dt": 0.01, "steps": 2, "trajectories": 1, "progress": False, **given}
    return sdesim.simulate(well, noise.Gaussian(diffusion=diffusion), theta0, **options)


BORDERS = {
    "theta0": lambda x: simulated(theta0=x),
    "a field of a kind": lambda x: surfaces.Quadratic(x),
    "dt": lambda x: simulated(dt=x),
    "steps": lambda x: simulated(steps=x),
    "trajectories": lambda x: simulated(trajectories=x),
    "seed": lambda x: simulated(seed=x),
    "save_at": lambda x: simulated(save_at=x),
    "increments": lambda x: sdesim.integrate(surfaces.DoubleWell(), x, dt=0.01),
    "a law": lambda x: sdesim.stable.pdf(x, 1.5),
    "a law's parameter": lambda x: sdesim.stable.pdf(0.5, x),
    "a law's fit": sdesim.stable.fit,
    "a law's draws": lambda x: sdesim.stable.rvs(1.5, size=x, seed=1),
    "a fit": lambda x: sdesim.fit(x, "ornstein-uhlenbeck", dt=0.1),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_array_of_numbers_is_refused_by_every_border_in_one_short_line(name):
    for place, border in BORDERS.items():
        with pytest.raises(SdesimError) as error:
            border(REFUSED[name](X))

        assert "\n" not in str(error.value), place
        assert len(str(error.value)) <= 300, place


@pytest.mark.parametrize("name", bad.SAME)
def test_the_same_numbers_are_the_same_whatever_holds_them(name):
    assert np.array_equal(np.asarray(real_array(bad.SAME[name](X)), dtype=np.float64), X)


TENSORS = [
    torch.tensor([1.0, 2.0], requires_grad=True),
    torch.tensor([1.0, 2.0], dtype=torch.bfloat16),
    torch.tensor([1.0, 2.0]).to_sparse(),
]


@pytest.mark.parametrize("tensor", TENSORS)
def test_tensors_are_taken_like_arrays(tensor):
    assert np.array_equal(real_array(tensor), [1.0, 2.0])
    assert np.array_equal(surfaces.Quadratic(tensor).eigenvalues, [1.0, 2.0])


def test_what_is_hidden_or_missing_is_nan_and_refused_where_numbers_must_be_finite():
    hidden = np.ma.MaskedArray([1.0, 2.0], [False, True])

    assert np.isnan(real_array(hidden)[1])
    assert np.isnan(real_array([1.0, None])[1])
    with pytest.raises(SdesimError, match="finite"):
        simulated(surfaces.Quadratic([1.0, 1.0]), theta0=hidden)
    with pytest.raises(NoNumbers, match="found text"):
        real_array(["1.0", "2.0"])


def test_no_text_is_a_number_and_no_seed_is_left_out_by_being_empty():
    for given in ({"dt": "0.01"}, {"steps": "2"}, {"seed": ""}, {"dt": 0.01 + 0j}, {"steps": 10**400}):
        with pytest.raises(SdesimError):
            simulated(**given)
