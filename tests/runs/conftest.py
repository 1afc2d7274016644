"""A run that holds everything, its measurements, and a quantity of one's own."""

from __future__ import annotations

import pytest

import sdesim
from sdesim.runs import measure
from sdesim.runs.quantities import unregister
from tests.runs.complete_run import complete_run


@pytest.fixture(scope="session")
def run():
    return complete_run()


@pytest.fixture(scope="session")
def measured(run):
    return measure(run, smooth=True)


@pytest.fixture
def own():
    """A quantity of one's own, for as long as a test lasts."""

    @sdesim.quantity(
        "gradient_scale",
        label=r"$|g|$",
        needs=("gradient",),
        threshold=1.0,
        monitored=True,
        units="loss/parameter",
    )
    def gradient_scale(run, measured):
        """Root mean square of a gradient.

        As far as the draws tell.
        """
        value = (run["signal"] + run["noise"]) ** 0.5
        return value, 0.9 * value, 1.1 * value

    yield gradient_scale
    unregister("gradient_scale")
