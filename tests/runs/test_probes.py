"""When runs are saved and probed, and along what."""

import numpy as np
import pytest

from sdesim.errors import SdesimError
from sdesim.runs import Probes, probe_rng, projection_directions
from sdesim.runs.exactness import Sequential
from sdesim.runs.probes import saved_steps
from sdesim.runs.schema import DRAWN_PROBE


def test_probe_settings_are_checked():
    with pytest.raises(SdesimError, match="every: found 0, allowed: a number of at least 1"):
        Probes(every=0)
    with pytest.raises(SdesimError, match="estimators"):
        Probes(every=1, estimators="gradient")
    with pytest.raises(SdesimError, match="most_samples: found 128, allowed: none without a precision"):
        Probes(most_samples=128)
    with pytest.raises(SdesimError, match="most_samples: found 32, allowed: at least samples, 64"):
        Probes(most_samples=32, precision=0.1)
    assert Probes(every=4).probe_steps(10).tolist() == [0, 4, 8]


def test_a_precision_says_how_far_draws_go_on():
    assert Probes().sequential is None
    assert Probes(precision=0.1, samples=20).sequential == Sequential(0.1, 640)
    assert Probes(precision=0.1, most_samples=100).sequential == Sequential(0.1, 100)


def test_variables_are_announced_as_they_are_asked_for_and_can_be():
    plain, drawn = Probes(), Probes(precision=0.1, estimators=("gradient",), exact=False)

    assert plain.further_variables(known=False) == drawn.further_variables(known=True)[:0] == ()
    assert {n.partition("_")[0] for n in plain.further_variables(known=True, groups=True)} == {"exact"}
    assert "exact_group_noise" in plain.further_variables(known=True, groups=True)
    assert "exact_group_noise" not in plain.further_variables(known=True)
    assert "exact_process_ratio" in plain.further_variables(known=True, linear=True)
    assert drawn.further_variables(known=True) == DRAWN_PROBE


def test_without_a_spacing_a_run_is_probed_twenty_times():
    assert Probes().probe_steps(400).tolist() == list(range(0, 401, 20))
    assert Probes().probe_steps(3).tolist() == [0, 1, 2, 3]


def test_curvature_is_taken_at_its_own_spacing_and_at_the_last_probe():
    apart = Probes(every=1, curvature_every=3)

    assert [k for k in range(8) if apart.bends(k, 8)] == [0, 3, 6, 7]
    assert [k for k in range(3) if apart.bends(k, 3)] == [0]
    assert all(Probes(every=1).bends(k, 5) for k in range(5))
    only = Probes(every=1, estimators=("gradient",))
    assert only.wants("gradient")
    assert not any(only.bends(k, 5) for k in range(5))


def test_the_last_step_is_always_saved():
    assert saved_steps(10, 4).tolist() == [0, 4, 8, 10]
    assert saved_steps(8, 4).tolist() == [0, 4, 8]
    assert saved_steps(0, 4).tolist() == [0]


def test_directions_are_orthonormal_and_a_function_of_the_dimension_alone():
    wide, narrow = projection_directions(40), projection_directions(5)

    assert (wide.shape, narrow.shape) == ((16, 40), (5, 5))
    np.testing.assert_allclose(wide @ wide.T, np.eye(16), rtol=0, atol=1e-14)
    np.testing.assert_array_equal(projection_directions(40), wide)


def test_the_generator_of_a_probe_depends_on_seed_trajectory_and_step_alone():
    places = [(1, 0, 0), (2, 0, 0), (1, 1, 0), (1, 0, 1)]

    drawn = [probe_rng(*place).random(4).tolist() for place in places]

    assert drawn == [probe_rng(*place).random(4).tolist() for place in places]
    assert len({x for row in drawn for x in row}) == 16
