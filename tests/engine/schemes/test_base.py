"""What all schemes promise: the noises that they take, and the same bits however the work is split."""

import numpy as np
import pytest

import sdesim
from sdesim import noise, schemes, surfaces
from sdesim.engine.ensemble import Ensemble
from sdesim.engine.growth import growth_of
from sdesim.engine.schemes import as_scheme
from sdesim.errors import SdesimError
from tests.engine.plans import planned
from tests.engine.schemes.twins import GAUSSIAN, MULTIPLICATIVE, WELL
from tests.engine.wells import BOWL

MINIBATCH_SURFACE = surfaces.MLP([2, 2], np.eye(2), np.eye(2))
SORTS = {
    "gaussian": (GAUSSIAN, "Gaussian noise"),
    "levy": (noise.Stable(1.5, 0.1), "additive noise other than white Gaussian"),
    "multiplicative": (MULTIPLICATIVE, "multiplicative noise"),
    "minibatch": (noise.Minibatch(MINIBATCH_SURFACE, 1, 0.1), "minibatch noise"),
}


@pytest.mark.parametrize("scheme", sdesim.SCHEMES)
@pytest.mark.parametrize("sort", SORTS)
def test_a_scheme_takes_the_noises_that_it_states_and_refuses_others_by_name(scheme, sort):
    driving, words = SORTS[sort]
    surface = MINIBATCH_SURFACE if sort == "minibatch" else WELL
    stated = sdesim.SCHEMES[scheme].strong_order
    assert stated.keys() == sdesim.SCHEMES[scheme].weak_order.keys()

    def plan():
        return planned(surface, driving, dt=0.1, steps=2, scheme=scheme, save=("loss",))

    if sort in stated:
        assert plan().scheme.name == as_scheme(scheme).resolved(surface, [driving], growth_of).name
    else:
        with pytest.raises(SdesimError, match=f"scheme '{scheme}' takes .*can't take {words}") as caught:
            plan()
        assert "\n" not in str(caught.value)


def test_an_unknown_scheme_and_wrong_parameters_are_refused():
    with pytest.raises(SdesimError, match=r"^scheme: found 'rk4', allowed: auto, baoab, euler-maruyama, "):
        sdesim.simulate(WELL, dt=0.1, steps=1, scheme="rk4")
    with pytest.raises(SdesimError, match=r"^momentum: found 1\.0, allowed: a number below 1$"):
        schemes.HeavyBall(momentum=1.0)
    with pytest.raises(SdesimError, match=r"^friction: found 0\.0, allowed: a number above 0$"):
        schemes.BAOAB(friction=0.0)


def simulate(scheme, **changes):
    arguments = {"dt": 0.05, "steps": 41, "trajectories": 9, "seed": 3, "save_every": 10, "progress": False}
    # On the surface of the properties, whose drivers are these.
    return sdesim.simulate(BOWL, GAUSSIAN, scheme=scheme, **(arguments | changes))


# One scheme with a second state, one with a second set of increments.
@pytest.mark.parametrize("scheme", ["baoab", "sra1"])
def test_threads_neighbours_block_width_and_resuming_change_no_bit(scheme, tmp_path, monkeypatch):
    whole = simulate(scheme, threads=1)

    class Stopped(Exception):
        pass

    def stop(done, total):
        if done >= 20:
            raise Stopped

    monkeypatch.setattr("sdesim.engine.checkpoint._SECONDS", 0.0)
    probes = sdesim.Probes(every=10, samples=2)
    with pytest.raises(Stopped):
        simulate(scheme, probes=probes, out=tmp_path / "run.zarr", progress=stop)
    resumed = simulate(scheme, probes=probes, out=tmp_path / "run.zarr", resume=True)
    many = simulate(scheme, threads=2, trajectories=70)

    assert resumed.attrs["complete"]
    assert resumed.theta.values.tobytes() == whole.theta.values.tobytes()
    assert many.theta.values[:9].tobytes() == whole.theta.values.tobytes()
    plan = planned(BOWL, GAUSSIAN, dt=0.05, steps=41, trajectories=9, seed=3, scheme=scheme, save_every=10)
    unsaved = tuple(np.zeros((9, 0, *shape)) for shape in ((2,), (len(plan.directions),), (), ()))
    for lanes in (1, 2, 3):
        ensemble = Ensemble(plan, 1, lanes)
        ensemble.advance(0, 41, plan.saved[:0], unsaved, 0)
        assert ensemble.portable()["x"].T.tobytes() == whole.theta.values[:, -1].tobytes(), lanes


class Half(schemes.Base):
    """Half an Euler–Maruyama step: a scheme of one's own that is no registered kind."""

    strong_order = {"gaussian": None}  # noqa: RUF012

    def functions(self, weighted):
        return (half_step,)


def half_step(x, v, i, j, m, w, surface, p, rate, dt, work):
    grad(x, surface[0], surface[1], surface[2], work[0])  # noqa: F821
    for k in range(x.shape[0]):
        for lane in range(x.shape[1]):
            x[k, lane] -= 0.5 * dt * work[0][k, lane]


def test_anyones_subclass_of_the_base_is_a_scheme():
    run = sdesim.simulate(BOWL, (), 1.0, dt=0.1, steps=1, scheme=Half(), progress=False)

    np.testing.assert_allclose(run["theta"].values[0, -1], [0.95, 0.9])
    assert run.attrs["scheme"] == "Half"
