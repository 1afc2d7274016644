"""A surface of one's own: what it must have, what it has for nothing, and what is refused."""

import importlib
import pickle
from dataclasses import dataclass

import numpy as np
import pytest

import sdesim
from sdesim.errors import SdesimError
from sdesim.kinds import dump, read
from sdesim.noise import Gaussian
from sdesim.surfaces import Base, SurfaceKernel

PENDULUM = '''
"""L = height (1 − cos x)."""

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Gt

import sdesim
from sdesim.kinds import kind


@sdesim.compiled
def loss(x, params, data0, data1, out):
    for w in range(x.shape[1]):
        out[w] = params[0] * (1.0 - math.cos(x[0, w]))


@sdesim.compiled
def grad(x, params, data0, data1, out):
    for w in range(x.shape[1]):
        out[0, w] = params[0] * math.sin(x[0, w])


@sdesim.compiled
def hvp(x, v, params, data0, data1, out):
    for w in range(x.shape[1]):
        out[0, w] = params[0] * math.cos(x[0, w]) * v[0, w]


@sdesim.compiled
def well(x, lane, params):
    return 0 if abs(x[0, lane]) < math.pi else -1


@kind("surfaces", "test-pendulum")
@dataclass(frozen=True)
class Pendulum(sdesim.surfaces.Base):
    """height (1 − cos x).

    Args:
        height: half of the barrier.
    """

    height: Annotated[float, Gt(0)] = 1.0
    dim = 1
    wells = ("bottom",)

    def kernel(self):
        return sdesim.surfaces.SurfaceKernel(
            __name__, "grad", "loss", np.array([self.height]), well="well", hvp="hvp"
        )
'''


@pytest.fixture(scope="module")
def pendulum(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    (folder / "pendulum_of_mine.py").write_text(PENDULUM)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield importlib.import_module("pendulum_of_mine").Pendulum


def test_a_dimension_and_compiled_functions_make_a_whole_surface(pendulum):
    surface = pendulum(2.0)
    x = np.array([[0.5], [2.0], [4.0]])

    np.testing.assert_allclose(surface.loss(x), 2.0 * (1.0 - np.cos(x[:, 0])))
    np.testing.assert_allclose(surface.grad(x), 2.0 * np.sin(x))
    np.testing.assert_allclose(surface.hvp(x, [1.0]), 2.0 * np.cos(x))
    assert surface.well(x).tolist() == [0, 0, -1]
    assert surface.start.tolist() == [0.0]
    assert (surface.examples, surface.groups, surface.evaluation()) == (0, {}, None)
    assert surface.minima().shape == (0, 1)


def test_it_is_a_kind_like_any_other_and_can_be_simulated(pendulum):
    surface = read("surfaces", {"kind": "test-pendulum", "height": 2.0})

    run = sdesim.simulate(
        surface, Gaussian(0.1), 0.5, dt=0.01, steps=3, events=[sdesim.events.Occupancy()], progress=False
    )

    assert surface == pendulum(2.0) == pickle.loads(pickle.dumps(surface))
    assert dump(surface) == {"kind": "test-pendulum", "height": 2.0}
    assert run.occupancy.values.tolist() == [[1.0]]
    with pytest.raises(SdesimError, match="height: found 0, allowed: a number above 0"):
        pendulum(0)


@dataclass(frozen=True)
class Sized(Base):
    """Fields that carry the names of the base's own properties."""

    dim: int
    examples: int


def test_a_field_named_like_a_property_of_the_base_must_still_be_given():
    assert Sized(3, 5).examples == 5
    with pytest.raises(TypeError, match="examples"):
        Sized(3)


def test_what_a_surface_does_not_have_is_refused_by_name():
    class Nothing(Base):
        dim = 2

        def kernel(self):
            return SurfaceKernel("nowhere", "grad", "loss", np.zeros(0))

    with pytest.raises(SdesimError, match="has no hvp"):
        Nothing().hvp([0.0, 0.0], [1.0, 0.0])
    with pytest.raises(SdesimError, match="Base must have dim"):
        Base().start  # noqa: B018
    with pytest.raises(SdesimError, match="Base must have kernel"):
        Base().kernel()
