"""A noise of one's own: what it must have, and what it has for nothing."""

from dataclasses import dataclass

import numpy as np
import pytest

from sdesim.errors import SdesimError
from sdesim.kinds import read
from sdesim.noise import Base, Context, NoiseKernel
from sdesim.noise.base import MOST_ROWS, check_size


@dataclass(frozen=True)
class Halved(Base):
    """Half of another noise's steps, as one's own may be."""

    alpha: float
    tail_index: float

    @property
    def sort(self):
        return "levy"

    def kernel(self, dim, dt, learning_rate):
        inner = read("noises", {"kind": "stable", "alpha": self.alpha, "scale": 0.5})
        return inner.kernel(dim, dt, learning_rate)


def test_one_s_own_noise_needs_a_sort_and_a_kernel_alone():
    noise = Halved(1.5, 1.5)

    assert (noise.tail_index, noise.batch_size, noise.label) == (1.5, 0, "Halved")
    assert noise.gradient_noise(np.zeros(2), 0.1, 4, np.random.default_rng(0)).shape == (4, 2)
    with pytest.raises(TypeError, match="tail_index"):
        Halved(1.5)
    for call in (lambda: Base().sort, lambda: Base().kernel(1, 0.1, 0.1)):
        with pytest.raises(SdesimError, match="Base must have"):
            call()


def test_the_kernel_of_the_base_s_gradient_noise_may_be_multiplicative():
    class Own(Base):
        def kernel(self, dim, dt, learning_rate):
            scale = np.full(dim, np.sqrt(dt))
            return NoiseKernel(
                "sdesim.noise.gaussian_kernels", "gaussian_diagonal", scale, enters="multiplicative"
            )

    draws = Own().gradient_noise(np.array([0.0, 3.0]), 0.1, 6, np.random.default_rng(0))

    assert np.all(draws[:, 0] == 0.0)
    assert np.all(draws[:, 1] != 0.0)


def test_what_a_noise_has_for_nothing():
    noise = Base()

    assert (noise.tail_index, noise.batch_size, noise.surface) == (None, 0, None)
    assert (noise.needs, noise.needs_trial, noise.streams) == ((), False, 1)
    assert noise.resolved(Context(2, 0.1)) is noise
    assert noise.with_batch_size(8) is noise


def test_noise_that_weights_examples_must_have_its_own_gradient_noise():
    class Own(Base):
        def kernel(self, dim, dt, learning_rate):
            return NoiseKernel("", "", np.zeros(0), enters="examples")

    with pytest.raises(SdesimError, match="Own must have gradient_noise"):
        Own().gradient_noise(np.zeros(2), 0.1, 4, np.random.default_rng(0))


def test_the_trace_of_a_context_is_known_or_refused():
    assert Context(2, 0.1, trace=3.0).known_trace() == 3.0
    with pytest.raises(SdesimError, match="match needs probes of the real arm's gradients"):
        Context(2, 0.1).known_trace()


def test_sizes_that_do_not_fit_or_can_not_be_numbered_are_refused():
    check_size(None, MOST_ROWS - 1, "scale")
    check_size(3, 3, "scale")
    with pytest.raises(SdesimError, match="scale is for 2 coordinates, but the surface has 3"):
        check_size(2, 3, "scale")
    with pytest.raises(SdesimError, match="fewer than 16777216 coordinates"):
        check_size(None, MOST_ROWS, "scale")
