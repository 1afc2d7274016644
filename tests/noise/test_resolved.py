"""Noises that take their size from the simulation and the real arm beside it."""

import math

import numpy as np
import pytest

from sdesim.errors import SdesimError
from sdesim.noise import Context, Gaussian, Minibatch, Stable, increments
from sdesim.surfaces import Flat, LeastSquares

SURFACE = LeastSquares(np.eye(3), np.ones(3))
KNOWN = Context(dim=3, learning_rate=0.2, surface=SURFACE, batch_size=2, trace=6.0)
UNKNOWN = Context(dim=3, learning_rate=0.2)


def test_a_gaussian_takes_its_diffusion_from_the_trace_or_from_one_example_s_variance():
    assert Gaussian(match="trace").resolved(KNOWN) == Gaussian(0.5 * 0.2 * 6.0 / 3)
    assert Gaussian(gradient_variance=4.0, batch_size=8).resolved(UNKNOWN) == Gaussian(0.5 * 0.2 * 4.0 / 8)
    assert Gaussian(gradient_variance=4.0).resolved(UNKNOWN) == Gaussian(0.5 * 0.2 * 4.0)


def test_a_matched_stable_noise_has_the_median_length_of_the_gradient_noise():
    noise = Stable(1.5, structure="isotropic", match="median").resolved(KNOWN)

    lengths = np.linalg.norm(increments(noise.kernel(3, 0.2, 0.2), 3, 20_000, seed=3)[0], axis=1)

    # The median of 20,000 draws scatters by about 1%.
    assert np.median(lengths) == pytest.approx(0.2 * math.sqrt(6.0), rel=0.05)


def test_minibatch_noise_takes_surface_rate_and_batch_where_it_lacks_them():
    noise = Minibatch().resolved(KNOWN)

    assert (noise.surface, noise.batch_size, noise.learning_rate) == (SURFACE, 2, 0.2)
    assert Minibatch(batch_size=3).resolved(KNOWN).batch_size == 3
    law = {"sampling": "with-replacement", "drop_last": True}
    assert noise.with_batch_size(1) == Minibatch(SURFACE, 1, 0.2, **law)
    assert Gaussian(1.0).with_batch_size(1) == Gaussian(1.0)


@pytest.mark.parametrize(
    ("noise", "context", "words"),
    [
        (Gaussian(match="trace"), UNKNOWN, "match needs probes of the real arm's gradients"),
        (Stable(1.5, structure="isotropic", match="median"), UNKNOWN, "match needs probes"),
        (Minibatch(), UNKNOWN, "needs batch_size: there is no real arm with minibatches"),
        (Minibatch(batch_size=2), UNKNOWN, "needs a surface that is a mean over examples"),
        (Minibatch(batch_size=2), Context(3, 0.2, Flat(3)), "needs a surface that is a mean over examples"),
    ],
)
def test_what_the_context_lacks_is_named(noise, context, words):
    with pytest.raises(SdesimError, match=words):
        noise.resolved(context)


@pytest.mark.parametrize(
    "noise",
    [
        Gaussian(match="trace"),
        Gaussian(gradient_variance=1.0),
        Stable(1.5, structure="isotropic", match="median"),
        Minibatch(),
    ],
)
def test_what_is_not_resolved_can_not_be_used(noise):
    assert noise.needs
    with pytest.raises(SdesimError, match="must be resolved first: it lacks"):
        noise.kernel(3, 0.1, 0.1)
    with pytest.raises(SdesimError, match="must be resolved first: it lacks"):
        noise.gradient_noise(np.zeros(3), 0.1, 2, np.random.default_rng(0))
