"""Every sort of surface and noise in turn."""

import pytest

from tests.engine.simulated import CASES


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]
