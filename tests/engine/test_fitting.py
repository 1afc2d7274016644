"""What does not fit between the parts of a simulation is found before anything is built, with its place."""

from dataclasses import dataclass

import numpy as np
import pytest

import sdesim
from sdesim import events, noise, surfaces
from sdesim.engine import check_fit
from sdesim.engine.fitting import Real
from sdesim.kinds import Misfit
from tests.engine.wells import BOWL, WELL

REAL = Real("digits", learning_rate=0.1, batch_size=None, trajectories=3, own_starts=True)


@dataclass
class Recipe:
    """Minibatch noise that waits for a real arm, or noise that waits for its gradients."""

    batch_size: int | None = None
    match: str | None = None

    @property
    def sort(self):
        return "minibatch" if self.match is None else "gaussian"

    @property
    def needs(self):
        if self.match is not None:
            return ("trace", "learning_rate")
        return () if self.batch_size else ("batch_size",)

    def validate(self, dim):
        pass

    def gradient_noise(self, *_):
        raise AssertionError("nothing is drawn by a check")

    def kernel(self, *_):
        raise AssertionError("nothing is built by a check")


CASES = [
    (
        (WELL, [noise.Gaussian(diffusion=[1.0, 2.0])]),
        {},
        ("noise", 0),
        "diffusion is for 2 coordinates, but the surface has 1",
    ),
    ((WELL, [Recipe(5)]), {}, ("noise", 0), "needs a surface that is a mean over examples"),
    ((None, [Recipe()]), {"dim": 9, "examples": 4}, ("noise", 0, "batch_size"), "there is no real arm with"),
    ((None, [Recipe()]), {"dim": 9, "examples": 4, "real": REAL}, ("noise", 0, "batch_size"), "no real arm"),
    ((WELL, [Recipe(match="trace")]), {}, ("noise", 0, "match"), "needs a real arm"),
    ((None, [Recipe(match="trace")]), {"dim": 9, "real": REAL}, ("noise", 0, "match"), "gradients of digits"),
    (
        (WELL, [noise.Stable(1.5, 1.0)], "sra1"),
        {},
        ("scheme",),
        "it can't take additive noise",
    ),
    ((WELL, (), "hune"), {}, ("scheme",), "did you mean 'heun'?"),
    (
        (WELL, (), {"kind": "baoab", "friction": -1}),
        {},
        ("scheme", "friction"),
        "found -1, allowed: a number",
    ),
    ((WELL, (), "sgd"), {"learning_rate": 0.2}, ("dt",), "found 0.01, allowed: 0.2, the learning rate"),
    ((WELL, (), "sgd"), {"real": REAL}, ("dt",), "found 0.01, allowed: 0.1, the learning rate"),
    ((WELL, (), "heun"), {"probes": sdesim.Probes(every=1, tangent=True)}, ("probes", "tangent"), "'heun'"),
    ((BOWL,), {"theta0": [1.0]}, ("theta0",), "found 1 numbers, allowed: 2, the surface's dimension"),
    ((BOWL,), {"theta0": np.ones((3, 2))}, ("theta0",), "found 3 rows, allowed: 2"),
    ((BOWL,), {"theta0": np.ones((2, 3))}, ("theta0",), "found shape (2, 3), allowed: a number, (2,) or"),
    ((BOWL,), {"theta0": "x"}, ("theta0",), "found 'x', allowed: a number"),
    (
        (BOWL,),
        {"events": [events.Exit(upper=1.0, coordinate=2)]},
        ("events", 0, "coordinate"),
        "found 2, allowed: 0 to 1",
    ),
    (
        (surfaces.Flat(2),),
        {"events": [events.Occupancy()]},
        ("events", 0),
        "needs a surface with named wells",
    ),
    ((None,), {"dim": 2, "events": [events.Occupancy()]}, ("events", 0), "needs a surface with named wells"),
    ((BOWL,), {"events": ["exit"]}, ("events", 0), "found str, allowed: an event of sdesim.events"),
    ((BOWL, ["gaussian"]), {}, ("noise", 0), "found str, allowed: a noise of sdesim.noise"),
    (
        (None,),
        {"dim": 2, "real": REAL, "trajectories": 4},
        ("trajectories",),
        "allowed: 1 to 3, those of digits",
    ),
    ((None,), {"dim": 2, "real": Real("b", 0.1, obstacles=("b trains clients",))}, ("twin_of",), "b trains"),
    ((BOWL, [noise.Gaussian(1.0)] * 257), {}, ("noise",), "found 257 noises, allowed: at most 256"),
    (
        (WELL, [noise.Stable(1.5, 1.0, truncation=1e-4, rule="reject")]),
        {},
        ("noise", 0),
        "truncation 0.0001 is too small for rule 'reject'",
    ),
]


@pytest.mark.parametrize(("parts", "numbers", "path", "words"), CASES)
def test_each_misfit_is_found_at_its_place(parts, numbers, path, words):
    known = {"dt": 0.01, "trajectories": 2} | numbers

    found = list(check_fit(*parts, **known))

    assert [at for at, _ in found] == [path]
    assert words in found[0][1]


def test_what_fits_is_silent():
    both = [noise.Gaussian(0.1), noise.Multiplicative(0.1)]

    assert not list(check_fit(BOWL, both, "heun", dt=0.1, theta0=0.0, trajectories=3))
    assert not list(check_fit(None, [Recipe(5)], dim=9, examples=4, real=REAL, trajectories=3))


def test_python_raises_all_that_does_not_fit_in_the_same_words():
    arguments = {
        "dt": 0.01,
        "steps": 2,
        "theta0": [1.0, 2.0],
        "events": [events.Exit(upper=1.0, coordinate=1)],
        "scheme": "sgd",
    }

    with pytest.raises(Misfit) as caught:
        sdesim.simulate(WELL, learning_rate=0.1, **arguments)

    known = {key: arguments[key] for key in ("dt", "theta0", "events")}
    assert caught.value.problems == list(
        check_fit(WELL, (), "sgd", learning_rate=0.1, trajectories=1, **known)
    )
    assert len(str(caught.value).splitlines()) == 3


class HeavyOwn:
    """Somebody's noise: it says its own tail index."""

    tail_index = 1.5

    def __init__(self):
        self.inner = noise.Stable(1.5, 0.1)

    def validate(self, dim):
        self.inner.validate(dim)

    def kernel(self, dim, dt, learning_rate):
        return self.inner.kernel(dim, dt, learning_rate)

    def gradient_noise(self, theta, eta, n, rng):
        return self.inner.gradient_noise(theta, eta, n, rng)


def test_a_noise_of_ones_own_keeps_the_flags_of_its_tails():
    arguments = {
        "dt": 0.01,
        "steps": 2,
        "probes": sdesim.Probes(every=1, samples=8),
        "progress": False,
        "seed": 1,
    }
    own, shipped = (
        sdesim.simulate(BOWL, driving, **arguments) for driving in (HeavyOwn(), noise.Stable(1.5, 0.1))
    )

    assert own.attrs["levy_index"] == shipped.attrs["levy_index"] == 1.5
    for name in ("C_alpha_flags", "lyapunov_drift_flags"):
        np.testing.assert_array_equal(sdesim.measure(own)[name].values, sdesim.measure(shipped)[name].values)
    assert "heavy_tail" in str(sdesim.measure(own)["C_alpha_flags"].values)
    assert "jump_infinite" in str(sdesim.measure(own)["lyapunov_drift_flags"].values)
