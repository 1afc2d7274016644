"""Two runs that hold everything, their measurements, and views of them."""

from __future__ import annotations

import pytest

from sdesim.plots.arms import views_of
from sdesim.runs import measure
from tests.runs.complete_run import complete_run


@pytest.fixture(scope="session")
def runs():
    return {"net": complete_run(), "sde": complete_run("simulated", 1, "sde")}


@pytest.fixture(scope="session")
def measured(runs):
    return {name: measure(run, smooth=True) for name, run in runs.items()}


@pytest.fixture(scope="session")
def views(runs, measured):
    return views_of(runs, measured)
