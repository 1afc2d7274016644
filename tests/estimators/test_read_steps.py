"""Steps read along a training, at the newest of them."""

import numpy as np
import pytest

from sdesim.errors import EstimatorError
from sdesim.estimators.dynamics.read_steps import ReadSteps, newest_of


def read(n=30, **given):
    each = {
        "step": np.arange(n), "rate": 0.1, "signal": 1.0, "noise": 4.0, "batch": 8.0, "before": np.nan,
        "after": np.nan, "gain": np.nan, "clipped": 0.0, "outside": 0.0,
    }  # fmt: skip
    arrays = {k: np.broadcast_to(np.asarray(v, float), (n,)).copy() for k, v in (each | given).items()}
    groups = np.full((n, 2), 0.5), np.full((n, 2), [1.0, 3.0])
    return ReadSteps(**arrays, group_signal=groups[0], group_noise=groups[1])


def test_noise_of_other_batches_is_converted_to_the_newest_s():
    batch = np.where(np.arange(30) % 3 == 2, 2.0, 8.0)
    told = newest_of(read(batch=batch, noise=32.0 / batch), 20, 20)

    assert told.c.value == pytest.approx(1 / 16)
    assert told.noise == pytest.approx(16.0)
    assert told.varies
    assert not newest_of(read(), 20, 20).varies


def test_batches_that_are_not_known_are_held_against_none_that_are():
    batch = np.where(np.arange(30) < 25, 8.0, np.nan)
    noise = np.where(np.arange(30) < 25, 4.0, 2.0)
    told = newest_of(read(batch=batch, noise=noise), 20, 20)

    assert (told.c.value, told.c.n) == (0.5, 5)


def test_groups_have_a_ratio_of_their_own():
    assert [c.value for c in newest_of(read(), 20, 20).groups] == pytest.approx([0.5, 0.5 / 3])


def test_steps_read_far_apart_are_blocks_of_their_own_and_others_are_not():
    products = {"before": -0.1, "after": -0.02, "gain": 0.1}
    near = newest_of(read(60, **products), 20, 60)
    apart = newest_of(read(60, **products, step=np.arange(60) * 100), 20, 60)

    assert near.drift.flags == ("no_interval",)
    assert near.phase == "transition"
    assert (apart.drift.value, apart.phase) == (pytest.approx(-0.6), "generalization")
    # C* = (M − s)/2T.
    assert apart.c_star.value == pytest.approx((1 - 0.2) / 8)
    assert newest_of(read(60), 20, 60).drift is None


def test_in_a_loop_that_clips_steps_left_whole_tell_no_phase_and_those_with_a_batch_outside_do():
    given = {"step": np.arange(60) * 100, "before": -0.1, "after": -0.02}
    cut = np.arange(60) == 5
    assert newest_of(read(60, **given, clipped=cut), 20, 60).drift is None
    assert newest_of(read(60, **given, clipped=cut), 20, 50).drift.value == pytest.approx(-0.6)
    told = newest_of(read(60, **given, clipped=cut, outside=np.arange(60) % 2), 20, 60)
    assert (told.drift.n, told.c_star) == (30, None)


def test_no_steps_are_refused():
    with pytest.raises(EstimatorError, match="at least 1"):
        newest_of(read().newest(0), 20, 20)
