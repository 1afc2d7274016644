"""Equations of a user's own functions: what they simulate, and what they refuse."""

import math
import re

import numpy as np
import pytest

import sdesim
from sdesim import SDE, Probes, noise
from sdesim.engine import drive
from sdesim.errors import SdesimError


def turning(t, x):
    return np.array([np.cos(t) * x[1], -x[0] - 0.1 * t * x[1]])


def mixing(t, x):
    return np.array([[0.3 + t, 0.1 * x[1], 0.0], [0.0, 0.2, x[0]]])


EQUATION = SDE(turning, mixing, dim=2, start=[1.0, -0.5], names=["q", "p"])
MEANT = SDE(lambda t, x: 0.0 * x, lambda t, x: 0.5 * x, dim=1, convention="stratonovich", start=[1.0])
DT = 0.05


def test_euler_maruyama_steps_f_and_b_at_the_time_of_the_step():
    dw = np.sqrt(DT) * np.random.default_rng(0).standard_normal((6, 4, 3))
    path = drive(EQUATION, [], [1.0, -0.5], dw, dt=DT)

    x = np.tile([1.0, -0.5], (4, 1))
    for n in range(6):
        x = np.array(
            [s + DT * turning(n * DT, s) + mixing(n * DT, s) @ w for s, w in zip(x, dw[n], strict=True)]
        )
        assert np.allclose(path[n], x, rtol=1e-13, atol=1e-13)


def test_functions_of_tuples_walk_the_path_of_those_of_arrays():
    """Fused multiply-adds may round either way: 6 steps of a few roundings."""
    plain = SDE(
        lambda t, x: (math.cos(t) * x[1], -x[0] - 0.1 * t * x[1]),
        lambda t, x: ((0.3 + t, 0.1 * x[1], 0), (0, 0.2, x[0])),
        dim=2,
    )
    dw = np.sqrt(DT) * np.random.default_rng(0).standard_normal((6, 9, 3))
    path = drive(plain, [], [1.0, -0.5], dw, dt=DT)

    assert np.allclose(path, drive(EQUATION, [], [1.0, -0.5], dw, dt=DT), rtol=1e-14, atol=1e-14)
    assert path[:, :2].tobytes() == drive(plain, [], [1.0, -0.5], dw[:, :2], dt=DT).tobytes()
    assert plain.factors == 3
    states = np.random.default_rng(1).standard_normal((4, 2))
    assert np.allclose(plain.diffusion_at(states, 0.4), [mixing(0.4, x) for x in states], rtol=1e-14)


def test_implicit_euler_reads_the_drift_at_the_end_of_its_step():
    dw = np.sqrt(DT) * np.random.default_rng(0).standard_normal((3, 4, 3))
    path = drive(EQUATION, [], [1.0, -0.5], dw, dt=DT, scheme="implicit-euler")

    before = np.concatenate([np.tile([1.0, -0.5], (1, 4, 1)), path[:-1]])
    for n in range(3):
        for k in range(4):
            pushed = before[n, k] + mixing(n * DT, before[n, k]) @ dw[n, k]
            assert np.allclose(path[n, k] - DT * turning((n + 1) * DT, path[n, k]), pushed, rtol=1e-10)


def test_heun_follows_a_stratonovich_equation_to_its_exact_path():
    # dx = ½ x ∘ dW is x₀ e^{W/2}; Heun's second-order step of it is the exponential to third order.
    dw = 0.02 * np.random.default_rng(0).standard_normal((50, 5, 1))
    path = drive(MEANT, [], 1.0, dw, dt=0.0004, scheme="heun")

    # Each step is off by about (ΔW/2)³/6, 50 of them.
    assert np.allclose(path[-1], np.exp(0.5 * dw.sum(axis=0)), rtol=50 * 0.03**3)


def test_a_run_says_that_it_has_no_loss_and_is_the_same_after_a_resume(tmp_path):
    fields = {"dt": DT, "steps": 40, "trajectories": 5, "seed": 3, "save_every": 10, "progress": False}
    run = sdesim.simulate(EQUATION, noise.Stable(1.7, 0.1), out=tmp_path / "run.zarr", **fields)

    assert "loss" not in run
    assert run.attrs["absent"].startswith("loss")
    assert run.attrs["param_names"] == ["q", "p"]
    again = sdesim.open_run(tmp_path / "run.zarr")
    alone = sdesim.simulate(EQUATION, noise.Stable(1.7, 0.1), threads=2, **fields)
    assert again["theta"].values.tobytes() == alone["theta"].values.tobytes()
    held = sdesim.simulate(EQUATION, noise.Stable(1.7, 0.1), out=tmp_path / "run.zarr", resume=True, **fields)
    assert held["theta"].values.tobytes() == alone["theta"].values.tobytes()


def test_a_tangent_vector_grows_at_the_rate_of_the_drift():
    # dx = (0.5 x₀, −x₁) dt + 0.2 dW: the exponent of the EM map is log(1 + 0.5 dt)/dt.
    sde = SDE(lambda t, x: np.array([0.5 * x[0], -x[1]]), lambda t, x: 0.2, dim=2)
    run = sdesim.simulate(
        sde, dt=0.01, steps=4000, probes=Probes(every=2000, tangent=True), save_every=2000, progress=False
    )
    assert np.isclose(run["tangent_growth"].values[0, 2] / 20.0, np.log1p(0.005) / 0.01, rtol=1e-6)
    assert np.isclose(
        sdesim.measure(run)["lyapunov_exponent"].values[0, 2], np.log1p(0.005) / 0.01, rtol=1e-2
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"drift": 3.0}, "drift must be a function of t and x, got 3.0"),
        ({"drift": lambda t, x: x[2]}, r"drift .*fails at t = 0 and the start: IndexError"),
        ({"drift": lambda t, x: np.zeros(3)}, r"must return shape \(2,\), got float64 of shape \(3,\)"),
        ({"drift": lambda t, x: x + 1j}, "must return shape"),
        ({"drift": lambda t, x: (x[0], x[1], 1.0)}, r"must return shape \(2,\), got float64 of shape \(3,\)"),
        ({"diffusion": lambda t, x: ((1.0, 2.0), (1.0,))}, "gives rows of different lengths"),
        ({"drift": lambda x: x}, r"drift .*fails at t = 0 and the start: TypeError"),
        ({"drift": lambda t, x: x / 0.0}, "must be finite at t = 0 and the start"),
        ({"diffusion": lambda t, x: np.zeros((3, 2))}, "must return a number or shape"),
        ({"drift": lambda t, x: np.array(sorted({t, x[0]}, key=str))}, "Numba can't compile drift"),
        ({"dim": 0}, "dim must be at least 1, got 0"),
        ({"convention": "isothermal"}, "convention: found 'isothermal', allowed: 'ito' or 'stratonovich'"),
        ({"start": [1.0]}, r"start: found shape \(1,\), allowed: \(2,\)"),
        ({"names": ["a", "a"]}, "names: found a, a, allowed: 2 different names"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_what_is_no_equation_is_refused_in_one_line(fields, message):
    given = {"drift": lambda t, x: -x, "dim": 2, **fields}
    with pytest.raises(SdesimError) as caught:
        SDE(**given)
    assert re.search(message, str(caught.value))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("sde", "fields", "message"),
    [
        (
            EQUATION,
            {"scheme": "heun"},
            "found 'heun', which reads the diffusion in the sense of Stratonovich",
        ),
        (MEANT, {"scheme": "euler-maruyama"}, "in the sense of Itô, allowed: heun"),
        (EQUATION, {"scheme": "sgd"}, "which is of a loss's gradient"),
        (EQUATION, {"scheme": "milstein"}, "can't take a diffusion of the equation's own"),
        (EQUATION, {"probes": Probes(every=1)}, "no loss"),
        (EQUATION, {"probes": Probes(every=1, tangent=True)}, "depends on the state"),
    ],
)
def test_what_does_not_fit_an_equation_is_refused(sde, fields, message):
    with pytest.raises(SdesimError, match=message):
        sdesim.simulate(sde, dt=0.1, steps=1, progress=False, **fields)


def test_an_exit_is_watched_between_steps_where_the_noise_is_known_and_flagged_where_it_is_not():
    fields = {"dt": 0.02, "steps": 200, "trajectories": 2000, "seed": 1, "progress": False, "save_every": 200}
    watch = [sdesim.events.Exit(-1.0, 1.0, monitoring="continuous")]
    kind = sdesim.simulate(sdesim.sdes.OrnsteinUhlenbeck(1.0, 1.0), events=watch, **fields)
    bowl = sdesim.simulate(
        sdesim.surfaces.Quadratic(1.0), noise.Gaussian(diffusion=0.5), events=watch, **fields
    )
    assert kind["exit_time"].values.tobytes() == bowl["exit_time"].values.tobytes()

    run = sdesim.simulate(SDE(lambda t, x: -x, lambda t, x: 1.0, dim=1), events=watch, **fields)
    assert kind.attrs["exit_method"] == ["bridge"]
    assert run.attrs["exit_flags"] == ["exit_discrete"]
