"""A surface of others is held against differences before it is simulated; in Python as from a file."""

from dataclasses import dataclass

import numpy as np
import pytest

import sdesim
from sdesim.errors import SdesimError
from sdesim.surfaces import Base, SurfaceKernel


@sdesim.compiled
def loss(x, params, data0, data1, out):
    for w in range(x.shape[1]):
        out[w] = 0.5 * (x[0, w] ** 2 + x[1, w] ** 2)


@sdesim.compiled
def grad(x, params, data0, data1, out):
    for w in range(x.shape[1]):
        out[0, w] = x[0, w]
        out[1, w] = params[0] * x[1, w]


@sdesim.compiled
def hvp(x, v, params, data0, data1, out):
    for w in range(x.shape[1]):
        out[0, w] = v[0, w]
        out[1, w] = params[1] * v[1, w]


@sdesim.compiled
def weighted_grad(x, weights, params, data0, data1, out):
    for w in range(x.shape[1]):
        total = 0.0
        for k in range(weights.shape[0]):
            total += weights[k, w]
        for k in range(2):
            out[k, w] = params[2] * total * x[k, w]


@dataclass(frozen=True)
class Bowl(Base):
    """½|θ|², whose derivatives may have factors that don't belong there."""

    slope: float = 1.0
    bend: float = 1.0
    weighted: float = 1.0
    python: float = 1.0
    dim: int = 2
    examples: int = 3

    def kernel(self):
        params = np.array([self.slope, self.bend, self.weighted])
        return SurfaceKernel(
            __name__, "grad", "loss", params, weighted_grad="weighted_grad", examples=3, hvp="hvp"
        )

    def grad(self, theta):
        return self.python * np.asarray(theta)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"slope": 2.0}, r"surface Bowl: grad is not the gradient of loss: .*coordinate 1, grad is"),
        ({"bend": 2.0}, r"surface Bowl: hvp is not the derivative of grad"),
        ({"weighted": 0.5}, r"surface Bowl: grad, and weighted_grad with equal weights 1/n, differ"),
        ({"python": 0.5}, r"surface Bowl: grad of the kernel and in Python differ"),
    ],
)
def test_wrong_derivatives_are_refused_before_the_first_step(wrong, words):
    with pytest.raises(SdesimError, match=words) as caught:
        sdesim.simulate(Bowl(**wrong), dt=0.1, steps=2, progress=False)

    assert "\n" not in str(caught.value)


def test_right_ones_are_simulated():
    run = sdesim.simulate(Bowl(), theta0=[1.0, 2.0], dt=0.1, steps=1, progress=False)

    np.testing.assert_allclose(run.theta.values[0, -1], [0.9, 1.8], rtol=1e-15)
