"""Whether a run would begin where another ended, under that one's seed: its random numbers would come again.

The ends of the runs that this process has made or opened are kept in mind, as digests of a few trajectories.
Nothing but a warning depends on them.
"""

from __future__ import annotations

import hashlib
import warnings
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.errors import RunError
from sdesim.io.places import Place, zarr_store

# Runs that are kept in mind, and trajectories of each.
_RUNS, _ROWS = 256, 8


@dataclass(frozen=True)
class _Ended:
    kind: str
    seed: int
    first: int
    digests: tuple[str, ...]


_ENDED: deque[_Ended | Place] = deque(maxlen=_RUNS)


def note_ended(attrs: Mapping[str, Any], first: int, theta: Any, status: Any) -> None:
    """Keep in mind where a run ended.

    Args:
        attrs: of the run. first: the number of its first trajectory.
        theta: (K, S, d), an array or what gives one when it is indexed. status: (K,), or None.
    """
    found = _ended(attrs, first, theta, status)
    if found is not None:
        _ENDED.append(found)


def note_stored(path: Place) -> None:
    """Keep in mind that a run lies there, which is looked at when another begins."""
    if path not in _ENDED:
        _ENDED.append(path)


def warn_of_replay(kind: str, seed: int, first: int, starts: NDArray[np.float64], words: str) -> None:
    """Warn where a trajectory begins in the last state of the one with its number, kind and seed.

    Args:
        kind: "simulated" or "real". first: the number of the first trajectory. starts: (K, d).
        words: what comes again and what to do, behind the name of the argument.
    """
    own = [_digest(row) for row in starts[:_ROWS]]
    for k in range(len(_ENDED)):
        ended = _ENDED[k]
        if not isinstance(ended, _Ended):
            read = _read(ended)
            if read is None:
                continue
            _ENDED[k] = ended = read
        held = {ended.first + i: digest for i, digest in enumerate(ended.digests)}
        same = (ended.kind, ended.seed) == (kind, seed)
        if same and any(held.get(first + i) == one for i, one in enumerate(own)):
            warnings.warn(words, UserWarning, stacklevel=3)
            return


def _ended(attrs: Mapping[str, Any], first: int, theta: Any, status: Any) -> _Ended | None:
    if "seed" not in attrs or not theta.shape[1]:
        return None
    begin, end = np.asarray(theta[:_ROWS, 0]), np.asarray(theta[:_ROWS, -1])
    going = np.ones(len(end), dtype=bool) if status is None else np.asarray(status[:_ROWS]) == 0
    # What never moved tells nothing, and what has ended can't go on.
    going &= np.isfinite(end).all(axis=1) & (begin != end).any(axis=1)
    digests = tuple(_digest(row) if here else "" for row, here in zip(end, going, strict=True))
    return _Ended(str(attrs["kind"]), int(attrs["seed"]), first, digests)


def _read(path: Place) -> _Ended | None:
    """The end of a stored run; None where it can't be read any more, or keeps no theta."""
    import zarr

    from sdesim.runs.checked_store import UNREADABLE

    try:
        group: Any = zarr.open_group(zarr_store(path, read_only=True), mode="r")
        if "theta" not in group or not group.attrs.get("complete"):
            return None
        status = group.get("status")
        return _ended(dict(group.attrs), int(group["trajectory"][0]), group["theta"], status)
    except (RunError, *UNREADABLE):
        return None


def _digest(row: NDArray[np.float64]) -> str:
    return hashlib.sha256(np.ascontiguousarray(row, dtype=np.float64).tobytes()).hexdigest()
