"""Runs in float32: the laws of float64, events that are right, bits that depend on no split, refusals."""

import math

import numpy as np
import pytest

import sdesim
from sdesim import noise, surfaces
from sdesim.engine.ensemble import Ensemble
from sdesim.errors import SdesimError
from sdesim.events import Exit, Occupancy
from tests.engine.plans import planned
from tests.engine.simulated import NETWORK, same_bits

WELL, GAUSSIAN = surfaces.DoubleWell(dim=2), noise.Gaussian(diffusion=0.1)


def simulate(surface=WELL, driving=GAUSSIAN, theta0=None, **changes):
    arguments = {"dt": 0.02, "steps": 203, "trajectories": 3000, "seed": 3, "progress": False}
    arguments |= {"dtype": "float32"} | changes
    return sdesim.simulate(surface, driving, theta0, **arguments)


@pytest.fixture(scope="module")
def runs():
    events = [Exit(upper=0.0, stop=False, monitoring="discrete"), Occupancy()]
    return [simulate(dtype=t, save_every=1, events=events) for t in ("float64", "float32")]


def test_moments_are_those_of_float64_within_their_errors(runs):
    # Two coordinates, two moments, two times: 5 s.e. each, a false alarm in 2e5.
    double, single = (run["theta"].values[:, [50, -1]] for run in runs)
    for power in (1, 2):
        a, b = double**power, single**power
        error = np.sqrt((a.var(axis=0) + b.var(axis=0)) / len(a))
        assert (np.abs(a.mean(axis=0) - b.mean(axis=0)) < 5 * error).all()
    times = [run["exit_censored"].values.mean() for run in runs]
    assert abs(times[0] - times[1]) < 5 * math.sqrt(0.5 / 3000)


def test_states_are_float32_and_losses_are_not(runs):
    run = runs[1]
    theta = run["theta"].values

    assert run.attrs["dtype"] == "float32"
    assert runs[0].attrs["dtype"] == "float64"
    np.testing.assert_array_equal(theta, theta.astype(np.float32))
    # Losses and norms are sums in float64 of terms of float32.
    np.testing.assert_allclose(run["loss"], WELL.loss(theta), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(run["weight_norm"], np.linalg.norm(theta, axis=-1), rtol=1e-14)


def test_exits_and_times_in_wells_are_those_of_the_states(runs):
    run = runs[1]
    x = run["theta"].values[:, :, 0]

    outside = x > 0.0
    first = np.where(outside.any(axis=1), outside.argmax(axis=1) * 0.02, np.nan)
    np.testing.assert_array_equal(run["exit_time"].values[:, 0], first)
    right = (x[:, 1:] >= 0.0).mean(axis=1)
    np.testing.assert_allclose(run["occupancy"].values[:, 1], right, rtol=1e-12)


def test_bits_depend_neither_on_blocks_nor_on_where_a_walk_is_interrupted():
    whole = planned(WELL, [GAUSSIAN], steps=11, trajectories=9, dtype="float32")

    def walked(lanes, *ends):
        ensemble = Ensemble(whole, 1, lanes)
        outputs = (np.empty((9, 0, 2)), np.empty((9, 0, 0)), *np.empty((2, 9, 0)))
        for start, end in zip((0, *ends), (*ends, 11), strict=True):
            ensemble.advance(start, end, np.zeros(0, np.int64), outputs, 0)
        return ensemble.portable()["x"]

    assert walked(9).dtype == np.float32
    for other in (walked(1), walked(4), walked(9, 3, 6, 7)):
        assert same_bits(np.ascontiguousarray(walked(9)), np.ascontiguousarray(other))


def test_a_resumed_run_has_the_same_bits(tmp_path, monkeypatch):
    arguments = {
        "steps": 41,
        "trajectories": 7,
        "save_every": 10,
        "probes": sdesim.Probes(every=10, samples=4),
    }
    whole = simulate(**arguments)

    class Stopped(Exception):
        pass

    def stop(done, total):
        if done >= 20:
            raise Stopped

    monkeypatch.setattr("sdesim.engine.checkpoint._SECONDS", 0.0)
    with pytest.raises(Stopped):
        simulate(**arguments, out=tmp_path / "run.zarr", progress=stop)
    with pytest.raises(SdesimError, match="dtype"):
        simulate(**arguments | {"dtype": "float64"}, out=tmp_path / "run.zarr", resume=True)
    resumed = simulate(**arguments, out=tmp_path / "run.zarr", resume=True)

    for name in whole.data_vars:
        assert same_bits(whole[name].values, resumed[name].values), name


def test_noise_without_a_fill_of_float32_is_drawn_in_float64_and_rounded():
    arguments = {"driving": noise.Stable(1.5, 0.1, truncation=2.0), "trajectories": 50}
    single, double = (simulate(**arguments, dtype=t)["theta"].values for t in ("float32", "float64"))

    # The same jumps: 203 roundings of 6e-8 each, spread at most e^{t max(-L'')} = e^4 times.
    np.testing.assert_allclose(single, double, rtol=0, atol=203 * 6e-8 * math.exp(4))
    assert not np.array_equal(single, double)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dtype": "float16"}, "dtype: found 'float16', allowed: float64 or float32"),
        ({"scheme": "implicit-euler"}, "dtype: found float32, allowed: float64 with scheme implicit-euler"),
        ({"surface": NETWORK}, "dtype: found float32, allowed: float64 with surface MLP, which has"),
        (
            {"surface": NETWORK, "driving": noise.Minibatch(NETWORK, 4, 0.02)},
            "for float32 and with noise minibatch, whose weights",
        ),
        ({"probes": sdesim.Probes(every=9, tangent=True)}, "allowed: float64 with probes of the tangent"),
        ({"driving": ()}, r"near 1 are 1.2e-07 apart, allowed: float64, or at least 64 times as much noise"),
        ({"driving": noise.Gaussian(diffusion=[0.1, 1e-14]), "theta0": 1.0}, "of coordinate 1, not 2e-08"),
    ],
)  # fmt: skip
def test_what_can_not_be_had_in_float32_is_refused_in_one_line(changes, message):
    with pytest.raises(SdesimError, match=message) as refusal:
        simulate(**changes)
    assert "\n" not in str(refusal.value)


def test_noise_of_two_values_needs_as_many_roundings_as_keep_its_size():
    telegraph = noise.Telegraph(1.0, 1.0)
    # Near 1 numbers are 2⁻²³ apart: 0.005 is 42,000 of them, 0.01 twice as many.
    with pytest.raises(SdesimError, match=r"^dtype: .* 65536 times as much noise .* alike, not 0\.005$"):
        planned(WELL, [telegraph], dt=0.005, dtype="float32")
    for driving in ([telegraph, GAUSSIAN], [noise.Telegraph(2000.0, 10.0)]):
        planned(WELL, driving, dt=0.005, dtype="float32")
    planned(WELL, [telegraph], dt=0.01, dtype="float32")


@pytest.mark.parametrize(
    ("jumps", "enough"),
    [(sdesim.jumps.Normal(std=1.0), 0.0079), (sdesim.jumps.Stable(alpha=1.0, scale=1.0), 0.0079)],
)
def test_jumps_are_judged_by_an_increment_most_of_which_are_none(jumps, enough):
    # 65,536 spacings of 2⁻²³ are 0.0078: √(rate dt) of normal jumps, rate dt of Cauchy's.
    rate = enough ** (jumps.tail_index or 2.0) / 0.01
    for driving in (
        [noise.CompoundPoisson(rate, jumps)],
        [noise.CompoundPoisson(0.1 * rate, jumps), GAUSSIAN],
    ):
        planned(WELL, driving, dt=0.01, dtype="float32")
    with pytest.raises(SdesimError, match=r"65536 times as much noise .* all or most increments are alike"):
        planned(WELL, [noise.CompoundPoisson(0.5 * rate, jumps)], dt=0.01, dtype="float32")


def test_a_rate_of_the_state_is_not_known():
    by_state = noise.CompoundPoisson(lambda x: 10.0 + x[0] ** 2, sdesim.jumps.Normal())
    with pytest.raises(SdesimError, match="a noise that changes counts as not known"):
        planned(WELL, [by_state], dt=0.01, dtype="float32")


def test_the_least_size_of_a_schedule_counts_as_not_known():
    moving = noise.Gaussian(diffusion=lambda t: 0.1 + 0.0 * t)
    with pytest.raises(SdesimError, match=r"0, where .* a noise that changes counts as not known$"):
        planned(WELL, [moving], dtype="float32")
    planned(WELL, [moving, GAUSSIAN], dtype="float32")
