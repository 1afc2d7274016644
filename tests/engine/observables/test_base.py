"""Observables in a run: variables of their own, the same at any chunk and on disk; NaN when lost."""

import math
from dataclasses import dataclass, field

import numpy as np
import pytest

import sdesim
from sdesim import noise, observables, sdes, surfaces
from sdesim.engine.observables.base import observed
from sdesim.errors import RunError, SdesimError
from tests.engine.simulated import same_bits

BOWL, HEAT = surfaces.Quadratic([1.0, 3.0]), [noise.Gaussian(diffusion=[0.1, 0.2])]
COMMON = {"dt": 0.01, "T": 1, "trajectories": 4, "seed": 3, "save_at": [0.1, 0.5, 1], "progress": False}


def radius(x):
    return math.sqrt(x[0] ** 2 + x[1] ** 2)


def turned(t, x):
    return math.cos(t) * (x[0] + 1.0)


OBSERVE = {
    "radius": radius,
    "turned": observables.Function(turned, units="m", long_name="seen from a wheel"),
    "length": observables.Norm(),
    "apart": observables.Distance([1.0, 2.0]),
    "second": observables.Coordinate(1),
    "gap": observables.Linear([1.0, -1.0]),
    "height": observables.Energy(),
}


def simulated(**changes):
    return sdesim.simulate(BOWL, HEAT, [1.0, 1.0], **(COMMON | changes))


@pytest.fixture(scope="module")
def run():
    return simulated(observe=OBSERVE)


def test_each_is_what_its_formula_makes_of_the_states(run):
    x, t = run["theta"].values, run["time"].values

    exact = {
        "radius": np.hypot(x[..., 0], x[..., 1]),
        "turned": np.cos(t) * (x[..., 0] + 1.0),
        "length": np.linalg.norm(x, axis=-1),
        "apart": np.linalg.norm(x - [1.0, 2.0], axis=-1),
        "second": x[..., 1],
        "gap": x[..., 0] - x[..., 1],
        "height": run["loss"].values,
    }
    for name, values in exact.items():
        # Sums of two terms and a root: a few roundings.
        np.testing.assert_allclose(run[name].values, values, rtol=1e-14, atol=1e-15, err_msg=name)
    assert run["turned"].attrs == {"units": "m", "long_name": "seen from a wheel"}
    assert run["length"].attrs["units"] == "parameter"
    assert run["radius"].attrs["units"] == "unknown"
    assert list(run.attrs["observables"]) == list(OBSERVE)
    assert same_bits(run.sdesim.quantity("gap").values, run["gap"].values)


def test_states_need_not_be_kept_and_bits_are_those_of_a_stored_run(run, tmp_path):
    bare = simulated(observe={"radius": radius}, save=(), out=tmp_path / "run.zarr")

    assert set(bare.data_vars) == {"radius", "status", "stopped_step"}
    assert same_bits(bare["radius"].values, run["radius"].values)
    again = sdesim.open_run(tmp_path / "run.zarr")
    assert again["radius"].attrs == {"units": "unknown", "long_name": "radius of the state"}
    with pytest.raises(RunError, match="holds a run with other arguments"):
        simulated(observe={"radius": turned}, save=(), out=tmp_path / "run.zarr", resume=True)


def test_rows_do_not_depend_on_their_neighbours_and_lost_ones_are_not_a_number(run):
    theta, times = run["theta"].values.copy(), run["time"].values
    theta[0, 1] = np.nan
    mine = simulated(observe=OBSERVE, T=0.1, save_at=[0.1])

    alone = dict(observed({"e": observables.Energy()}, BOWL, theta[:, :2], times[:2]))["e"]

    assert np.isnan(alone[0, 1])
    assert same_bits(np.delete(alone.ravel(), 1), np.delete(run["height"].values[:, :2].ravel(), 1))
    for name in OBSERVE:
        assert same_bits(mine[name].values[:, 0].copy(), run[name].values[:, 0].copy()), name


def test_the_energy_of_a_surface_that_moves_is_that_of_the_moment_and_of_a_particle_holds_its_speed():
    pushed = surfaces.Driven(BOWL, [1.0, sdesim.schedules.Periodic(0.0, 1.0, 2.0)])
    theta, times = np.ones((2, 3, 2)), np.array([0.0, 0.4, 0.8])
    found = dict(observed({"e": observables.Energy()}, pushed, theta, times))["e"]
    assert same_bits(found[0].copy(), np.array([float(pushed.at(t).loss(theta[0, 0])) for t in times]))

    particle = sdes.Underdamped(BOWL, 1.0, 0.2)
    assert particle.energy([1.0, 1.0, 2.0, 0.0]) == 0.5 * (1 + 3) + 0.5 * 4


@pytest.mark.parametrize(
    ("observe", "message"),
    [
        ({"loss": radius}, "observe.loss: found a name that runs have for something else"),
        ({"C_alpha": radius}, "observe.C_alpha: found a name that runs have for something else"),
        ({"time": radius}, "observe.time: found a name that runs have for something else"),
        ({"a b": radius}, "observe.a b: found such a name, allowed: letters, digits and _"),
        ({"r": 3}, "observe.r: found 3, allowed: a function of x or of t and x"),
        ({"r": observables.Norm}, "observe.r: found "),
        (5, "observe: found 5, allowed: observables by name"),
        ({"r": observables.Coordinate(2)}, "observe.r.coordinate: found 2, allowed: 0 to 1"),
        ({"r": observables.Distance([1.0])}, "observe.r.center: found 1 numbers, allowed: one, or 2"),
        ({"r": observables.Linear([1.0])}, "observe.r.weights: found 1 numbers, allowed: 2"),
        ({"r": lambda: 1.0}, "observe.r: the function <lambda> takes (), allowed: x, or t and x"),
        ({"r": lambda x: x[7]}, "observe.r: the function <lambda> fails at t = 0 and the start: IndexError"),
        (
            {"r": np.linalg.norm},
            "observe.r: Numba can't compile the function norm: The decorated object is not",
        ),
        ({"r": lambda x: x}, "observe.r: the function <lambda> must return a number, got float64 of shape"),
    ],
)
def test_what_is_no_observable_is_told_in_one_line(observe, message):
    with pytest.raises(SdesimError) as caught:
        simulated(observe=observe)

    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_an_equation_without_an_energy_is_refused_one():
    with pytest.raises(SdesimError, match=r"^observe\.e: found an equation without an energy"):
        sdesim.simulate(sdes.Lorenz(), dt=0.01, T=0.1, observe={"e": observables.Energy()}, progress=False)


@dataclass(frozen=True)
class Shifting(observables.Base):
    def values(self, theta, time, surface):
        theta += 1.0
        return theta[:, 0]


@dataclass(frozen=True)
class Counting(observables.Base):
    calls: list = field(default_factory=list)

    def values(self, theta, time, surface):
        self.calls.append(1)
        return np.full(len(theta), float(len(self.calls)))


@pytest.mark.parametrize(
    ("observable", "said"),
    [
        (Shifting(), "observe.seen: values writes into its arguments, allowed: to read them"),
        (Counting(), "observe.seen: values gives something else when called again"),
    ],
)
def test_a_kind_of_others_that_changes_states_or_itself_is_refused(observable, said):
    with pytest.raises(SdesimError, match=said):
        simulated(observe={"seen": observable})
