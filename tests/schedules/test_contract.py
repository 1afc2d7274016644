"""What every registered schedule promises, by the example that its documentation shows."""

import numpy as np
import pytest
from ruamel.yaml import YAML

from sdesim.compiled.jit import compiled_in_memory
from sdesim.kinds import documented, kinds_of, names_of, read

TIMES = np.concatenate([[0.0], np.linspace(0.01, 7.0, 50)])


@pytest.fixture(params=names_of("schedules"))
def schedule(request):
    return read("schedules", YAML(typ="safe").load(documented(kinds_of("schedules")[request.param]).example))


def test_its_function_is_the_same_for_one_time_for_many_and_compiled(schedule):
    many = schedule(TIMES)
    function, params = compiled_in_memory(schedule.value), schedule.params

    assert many.shape == TIMES.shape
    np.testing.assert_allclose([schedule(t) for t in TIMES], many, rtol=1e-14)
    np.testing.assert_allclose([function(t, params) for t in TIMES], many, rtol=1e-13)


def test_the_mean_over_a_step_depends_on_no_stretch(schedule):
    whole = abs(schedule(0.0)) + 1.0
    if schedule(TIMES).min() < 0.0:
        assert "allowed" in schedule.problem(7.0, 0.0)
        return
    means = schedule.step_means(0, 2500, 3000, 0.01, 1.5)

    assert np.isfinite(means).all()
    assert means.max() < whole**1.5 * 3
    for begin, end in ((0, 1), (1, 2), (999, 1030), (1023, 2100)):
        assert schedule.step_means(begin, end, 3000, 0.01, 1.5).tobytes() == means[begin:end].tobytes()
