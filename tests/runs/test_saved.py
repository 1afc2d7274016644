"""What saved steps tell of a run's end and of their spacing."""

import numpy as np
import pytest
import xarray as xr

from sdesim.runs.saved import end_time, holds_end, last_step, uneven


def run_of(saved, **attrs):
    steps = np.array(saved)
    return xr.Dataset(coords={"step": steps, "time": ("step", 0.1 * steps)}, attrs=attrs)


def test_the_end_is_the_last_step_whether_it_was_saved_or_not():
    early = run_of([1, 10], steps=100, dt=0.1)
    assert (last_step(early), end_time(early), holds_end(early)) == (100, 10.0, False)

    older = run_of([0, 10])
    assert (last_step(older), end_time(older), holds_end(older)) == (10, 1.0, True)


@pytest.mark.parametrize(
    ("steps", "answer"),
    [([0, 4, 8, 12], False), ([0, 4, 8, 10], False), ([0, 4, 8, 13], True), ([1, 10, 100], True),
     ([0, 1, 4, 8], True), ([5], False), ([0, 3], False)],
)  # fmt: skip
def test_steps_are_even_but_for_a_last_gap_that_is_shorter(steps, answer):
    assert uneven(run_of(steps)) is answer
