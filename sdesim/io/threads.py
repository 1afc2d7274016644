"""One BLAS thread: the last bits of a matrix product depend on how many threads share it."""

from __future__ import annotations

from functools import cache
from typing import Any

import scipy.linalg.blas  # noqa: F401  (its BLAS must be loaded before the libraries are listed)
from threadpoolctl import ThreadpoolController


@cache
def _controller() -> ThreadpoolController:
    # Listing the loaded libraries takes milliseconds, more than many a probe.
    return ThreadpoolController()


def single_blas_thread() -> Any:
    """A context in which BLAS uses one thread."""
    return _controller().limit(limits=1, user_api="blas")
