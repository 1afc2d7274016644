"""What every registered noise promises, by the example that its documentation shows: a new kind is tested
unasked."""

import numpy as np
import pytest
from ruamel.yaml import YAML

from sdesim import surfaces, walls
from sdesim.engine.schemes.base import sort_of
from sdesim.errors import SdesimError
from sdesim.kinds import documented, kinds_of, names_of, read
from sdesim.noise import Base, Context, Gaussian, increments
from sdesim.schedules import Exponential
from sdesim.surfaces import LeastSquares
from tests.engine.plans import planned
from tests.noise.stopped import ends

ROWS = np.random.default_rng(0).standard_normal((7, 3))
SURFACE = LeastSquares(ROWS, np.arange(7.0))
CONTEXT = Context(dim=3, learning_rate=0.1, surface=SURFACE, batch_size=2, trace=4.0)


def as_documented(name):
    return read("noises", YAML(typ="safe").load(documented(kinds_of("noises")[name]).example))


@pytest.fixture(scope="module", params=names_of("noises"))
def noise(request):
    return as_documented(request.param).resolved(CONTEXT)


@pytest.fixture
def kernel(noise):
    return noise.kernel(3, 0.01, 0.1)


def rows_of(kernel):
    """Coordinates, or the examples that are weighted."""
    return SURFACE.examples if kernel.enters == "examples" else 3


def test_it_says_what_it_is_like(noise, kernel):
    assert isinstance(noise, Base)
    assert noise.sort == sort_of(kernel)
    assert noise.tail_index is None or 0 < noise.tail_index < 2
    assert noise.batch_size >= 0
    assert noise.label.startswith(noise.kind)
    assert (noise.surface is not None) == (kernel.enters == "examples")


def test_resolved_it_lacks_nothing_and_stays_itself(noise):
    assert noise.needs == ()
    assert noise.resolved(CONTEXT) is noise


def test_increments_are_added_and_their_bits_depend_on_no_block(noise, kernel):
    rows = rows_of(kernel)
    whole = increments(kernel, rows, 9, 3, seed=5)

    assert np.isfinite(whole).all()
    np.testing.assert_array_equal(increments(kernel, rows, 2, 3, seed=5, first=4), whole[:, 4:6])
    np.testing.assert_array_equal(increments(kernel, rows, 9, 1, seed=5), whole[:1])
    assert not np.array_equal(increments(kernel, rows, 9, 3, seed=6), whole)


def test_a_stochastic_gradient_has_one_noise_for_each_draw(noise):
    theta = np.array([0.5, -1.0, 2.0])

    draws = noise.gradient_noise(theta, 0.1, 5, np.random.default_rng(1))

    assert draws.shape == (5, 3)
    assert len(np.unique(draws[:, 0])) == 5
    np.testing.assert_array_equal(draws, noise.gradient_noise(theta, 0.1, 5, np.random.default_rng(1)))


def test_it_refuses_more_coordinates_than_the_generator_can_number(noise):
    with pytest.raises(SdesimError):
        noise.validate(2**24)


def test_what_it_knows_of_a_gradient_is_the_law_of_its_draws(noise):
    theta, n = np.array([0.5, -1.0, 2.0]), 40_000
    known = noise.noise_moments(theta, 0.1)
    if known is None:
        return
    draws = noise.gradient_noise(theta, 0.1, n, np.random.default_rng(2))

    # Five standard errors of a mean and, with a kurtosis below 20, of a variance.
    spread = draws.std(axis=0)
    np.testing.assert_array_less(abs(draws.mean(axis=0) - known.mean), 5 * spread / np.sqrt(n) + 1e-12)
    if known.covariance is not None:
        np.testing.assert_allclose(draws.var(axis=0), known.covariance.variance, rtol=5 * np.sqrt(19 / n))


def test_weighted_draws_have_the_law_of_the_plain_ones(noise):
    theta, n = np.array([0.5, -1.0, 2.0]), 40_000
    found = noise.weighted_noise(theta, 0.1, n, 1.0, np.random.default_rng(3))
    if found is None:
        return
    draws, weights = found
    plain = noise.gradient_noise(theta, 0.1, n, np.random.default_rng(4))

    # A bounded function, of which both means are good to 5/√n of its range.
    scale = np.median(abs(plain))
    form = lambda g: np.exp(-((g / scale) ** 2).mean(axis=1))  # noqa: E731
    assert abs(weights.mean() - 1) < 5 * weights.std() / np.sqrt(n) + 1e-12
    assert abs((weights * form(draws)).mean() - form(plain).mean()) < 10 / np.sqrt(n)


def test_all_together_between_walls_they_go_on_from_any_step_to_the_same_bits():
    """A kind whose state, or whose numbers ahead, a stop loses or a block's width changes fails here."""
    drawn = [as_documented(name).resolved(CONTEXT) for name in names_of("noises")]
    moving = Gaussian(Exponential(0.1, 1.0))
    plan = planned(
        surfaces.Quadratic([1.0, 2.0, 3.0]), [*(n for n in drawn if n.sort != "minibatch"), moving],
        trajectories=5, steps=11, dt=0.01,
        boundary=[walls.Reflecting(-1.0, 1.0), walls.Periodic(0.0, 1.0, coordinate=1)],
    )  # fmt: skip

    whole = ends(plan, 1, (11,))
    assert ends(plan, 4, (3, 6, 7, 11)) == whole
