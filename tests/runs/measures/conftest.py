"""The measurements of a run of plain normal gradients."""

import pytest

from sdesim.runs import measure
from tests.runs.synthetic_run import normal, synthetic


@pytest.fixture(scope="session")
def plain():
    return measure(synthetic(normal()))
