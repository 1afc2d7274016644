"""Compiled functions of kinds of others that the engine can't rely on are refused before the first step."""

from dataclasses import dataclass

import numpy as np
import pytest

import sdesim
from sdesim import noise, sdes, surfaces, walls
from sdesim.engine.walls.base import WallKernel
from sdesim.errors import SdesimError
from sdesim.noise.kernel import NoiseKernel
from sdesim.surfaces import SurfaceKernel


@sdesim.compiled
def moves_its_state(x, params, data0, data1, out):
    for w in range(x.shape[1]):
        for k in range(x.shape[0]):
            out[k, w] = x[k, w]
            x[k, w] += 1.0


@sdesim.compiled
def beyond(x, params, data0, data1, out):
    for w in range(x.shape[1]):
        for k in range(x.shape[0]):
            out[k, w] = x[k + 1, w]


@sdesim.compiled
def adds(x, params, data0, data1, out):
    for w in range(x.shape[1]):
        for k in range(x.shape[0]):
            out[k, w] += x[k, w]


@sdesim.compiled
def beyond_params(seed, stream, first, pair, params, data, out0, out1, scratch0, scratch1):
    out0[0, 0] += params[1]


@sdesim.compiled
def moved_wall(x, v, params):
    for w in range(x.shape[1]):
        x[0, w] = max(x[0, w], params[0])
    params[0] += 1.0


@dataclass(frozen=True)
class Equation(sdes.Base):
    function: str = ""
    dim: int = 2

    def kernel(self):
        return SurfaceKernel(__name__, self.function, None, np.zeros(1))


@dataclass(frozen=True)
class Kick(noise.Base):
    sort: str = "levy"

    def kernel(self, dim, dt, learning_rate):
        return NoiseKernel(__name__, "beyond_params", np.ones(1))


@dataclass(frozen=True)
class Floor(walls.Base):
    coordinate: int = 0
    lower: float = -1.0
    upper: float | None = None

    def kernel(self):
        return WallKernel(__name__, "moved_wall", np.array([self.lower]))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"surface": Equation("moves_its_state")}, "surface Equation: grad writes into its argument x"),
        ({"surface": Equation("beyond")}, "surface Equation: grad takes an index beyond an array"),
        ({"surface": Equation("adds")}, "surface Equation: grad leaves numbers of out as they were before"),
        ({"noise": Kick()}, r"noise\[0\] Kick: beyond_params takes an index beyond an array"),
        ({"boundary": Floor()}, "boundary: moved_wall writes into its argument params"),
    ],
)
def test_functions_of_kinds_of_others_are_tried(given, said):
    with pytest.raises(SdesimError, match=said):
        sdesim.simulate(
            **{"surface": surfaces.Flat(2), **given},
            scheme="euler-maruyama",
            dt=0.1,
            steps=2,
            progress=False,
        )
