"""Readings that memory does not hold are refused beforehand, in a line that says what to lower."""

import pytest

from sdesim.errors import RunError
from sdesim.io import memory
from sdesim.runs import Probes
from sdesim.runs.memory import check_held, check_streamed


@pytest.fixture(autouse=True)
def megabyte(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 1e6)


def test_many_samples_are_refused_with_the_number_that_fits():
    probes = Probes(samples=500, estimators=("gradient",))

    with pytest.raises(RunError) as caught:
        check_held(probes, 100, 3)

    # 3 · 8 · 100 bytes each.
    assert str(caught.value) == (
        "probes: a reading would take 0.0012 GB of memory, of which 0.001 GB are free: "
        "lower samples, 500, to 416"
    )
    check_held(Probes(samples=416, estimators=("gradient",)), 100, 3)


def test_vectors_of_the_hessian_count_where_they_are_more():
    few = {"samples": 2}
    for settings, vectors in (({"exact": False}, 2 + 40), ({}, 2 + 48)):
        most = int(1e6 / (8 * vectors))
        check_held(Probes(**few, **settings), most, 2)
        with pytest.raises(RunError, match=r"leave curvature out of estimators$"):
            check_held(Probes(**few, **settings), most + 1, 2)
        check_held(Probes(**few, **settings, estimators=("gradient",)), most + 1, 2)


def test_streamed_readings_take_12_bytes_a_parameter_and_24_with_the_hessian():
    check_streamed(Probes(samples=10**6), 41_666)
    with pytest.raises(RunError, match=r"leave curvature out of estimators$"):
        check_streamed(Probes(), 41_667)
    check_streamed(Probes(estimators=("gradient",)), 83_333)
    with pytest.raises(RunError, match=r"leave probes out, or take a smaller model$"):
        check_streamed(Probes(estimators=("gradient",)), 83_334)
