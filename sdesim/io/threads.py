"""One BLAS thread: the last bits of a matrix product depend on how many threads share it."""

from __future__ import annotations

from functools import cache
from typing import Any


@cache
def _controller() -> Any:
    # SciPy's BLAS must be loaded before the libraries are listed, which takes more time than many a probe;
    # a run without probes needs neither.
    import scipy.linalg.blas  # noqa: F401
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def single_blas_thread() -> Any:
    """A context in which BLAS uses one thread."""
    return _controller().limit(limits=1, user_api="blas")
