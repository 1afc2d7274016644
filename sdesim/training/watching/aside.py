"""Passes that reading makes of its own: hooks that read the training's passes leave them alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

_passes: list[None] = []


@contextmanager
def aside() -> Iterator[None]:
    """Within it, calls of the model and backward passes are none of the training's."""
    _passes.append(None)
    try:
        yield
    finally:
        _passes.pop()


def is_aside() -> bool:
    """Whether a pass of reading's own is at work."""
    return bool(_passes)
