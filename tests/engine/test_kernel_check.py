"""Compiled functions of kinds of others that the engine can't rely on are refused before the first step."""

from dataclasses import dataclass, field

import numpy as np
import pytest

import sdesim
from sdesim import jumps, noise, schemes, sdes, surfaces, walls
from sdesim.engine.events.region import Region
from sdesim.engine.kernel_check import check_region
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


@sdesim.compiled
def open_wall(x, v, params):
    return


@sdesim.compiled
def near_beyond(before, after, slope, lane, h, sizes, params):
    return params[lane + 1]


@sdesim.compiled
def nearest(x, params, shift, inverse, out):
    for w in range(x.shape[1]):
        out[w] = (params[0] - x[0, w] - shift[0]) * inverse[0]


@sdesim.compiled
def gap_beyond(x, lane, wall, params):
    return params[wall + 1] - x[0, lane]


@sdesim.compiled
def gap_inside(x, lane, wall, params):
    return params[wall] - x[0, lane]


@sdesim.compiled
def normal(x, lane, wall, params, out):
    for k in range(out.shape[0]):
        out[k] = 1.0 if k == 0 else 0.0


@sdesim.compiled
def half_a_normal(x, lane, wall, params, out):
    out[0] = 1.0


@sdesim.compiled
def draw_beyond(u, v, p):
    return p[1] * u


@dataclass(frozen=True)
class Far(jumps.Base):
    module: str = __name__
    function: str = "draw_beyond"
    params: np.ndarray = field(default_factory=lambda: np.ones(1))


@dataclass(frozen=True)
class Fence(walls.Base):
    coordinate: int = 0
    lower: float = -1.0
    upper: float | None = None

    def kernel(self):
        return WallKernel(__name__, "open_wall", np.zeros(1), "near_beyond")


class Careless(schemes.Base):
    """Reads the coordinate behind the last one."""

    strong_order = {"gaussian": None}  # noqa: RUF012

    def functions(self, weighted):
        return (careless_step,)


def careless_step(x, v, i, j, m, w, surface, p, rate, dt, work):
    grad(x, surface[0], surface[1], surface[2], work[0])  # noqa: F821
    for k in range(x.shape[0]):
        for lane in range(x.shape[1]):
            x[k, lane] -= dt * work[0, k + 1, lane]


class Touching(Careless):
    """Changes its own constants."""

    def functions(self, weighted):
        return (touching_step,)

    def params(self, dt):
        return np.ones(1)


def touching_step(x, v, i, j, m, w, surface, p, rate, dt, work):
    for k in range(x.shape[0]):
        for lane in range(x.shape[1]):
            x[k, lane] *= p[0]
    p[0] *= 0.5


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
        ({"noise": Kick()}, r"noise\[0\]: Kick: beyond_params takes an index beyond an array"),
        ({"boundary": Floor()}, "boundary: moved_wall writes into its argument params"),
        ({"boundary": Fence()}, "boundary: near_beyond takes an index beyond an array"),
        (
            {"noise": noise.CompoundPoisson(1.0, Far())},
            "jumps Far: draw_beyond takes an index beyond",
        ),
        ({"scheme": Careless()}, "scheme: Careless: step takes an index beyond an array"),
        ({"scheme": Touching()}, "scheme: Touching: step writes into its argument p"),
    ],
)
def test_functions_of_kinds_of_others_are_tried(given, said):
    with pytest.raises(SdesimError, match=said):
        sdesim.simulate(
            **{"surface": surfaces.Flat(2), "scheme": "euler-maruyama", **given},
            dt=0.1,
            steps=2,
            progress=False,
        )


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ({"gap": "gap_beyond"}, "gap takes an index beyond an array"),
        (
            {"normal": "half_a_normal", "gap": "gap_inside"},
            "normal leaves numbers of out as they",
        ),
    ],
)
def test_what_watches_an_event_of_others_is_tried(names, said):
    region = Region(__name__, np.ones(1), 1, lambda theta: theta[:, 0] > 1, None, np.ones(1), **names)

    with pytest.raises(SdesimError, match=said):
        check_region(region, np.zeros((2, 3)))
    whole = Region(__name__, np.ones(1), 1, region.outside, None, np.ones(1), gap="gap_inside")
    check_region(whole, np.zeros((2, 3)))
