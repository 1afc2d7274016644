"""Settings of all tests."""

import os

# Before torch is loaded, for child processes too: workers share the cores, and threads of networks this small
# wait for one another for longer than they work. Tests of threads set their number themselves.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import settings

# Time never decides a test: a first call may compile, and machines are busy.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture
def two_torch_threads():
    """Two threads of torch for a test that asks whether they come back."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)
