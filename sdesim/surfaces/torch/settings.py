"""Settings of torch as a whole, under which threads of the engine work at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel


class _Held:
    """A setting for all threads: the first that comes in makes it, the last that goes takes it back."""

    def __init__(self, make: Callable[[], AbstractContextManager[None]]) -> None:
        self._make, self._lock, self._inside = make, threading.Lock(), 0
        self._made: AbstractContextManager[None] | None = None

    @contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            if self._made is None:
                self._made = self._make()
                self._made.__enter__()
            self._inside += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if not self._inside:
                    made, self._made = self._made, None
                    made.__exit__(None, None, None)


@contextmanager
def _threads_kept() -> Iterator[None]:
    threads = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(threads)


_ATTENTION, _THREADS = _Held(lambda: sdpa_kernel(SDPBackend.MATH)), _Held(_threads_kept)


@contextmanager
def one_thread() -> Iterator[None]:
    """One torch thread, so that no sum is split, and torch's setting as it was once it is over.

    Each thread of the process has a number of its own; new ones begin with the last that was set anywhere.
    """
    with _THREADS(), _threads_kept():
        torch.set_num_threads(1)
        yield


@contextmanager
def twice_differentiable() -> Iterator[None]:
    """Attention by plain products: its fused form has no second derivative."""
    with _ATTENTION():
        yield
