"""Quantile tables on disk, in the user's cache: made once on a machine, whole and intact or not used.

A file is named after what its table is of and the digest of the sources that make it; it starts with the
digest of all that follows. Where nothing can be written, or a file is damaged, the table is made anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from sdesim.errors import RunError
from sdesim.io.files import atomic_write_bytes
from sdesim.stable.sampling.inversion import Table
from sdesim.stable.sampling.panels import COEFFICIENTS

# Tables of 50 to 1,700 kB: beyond this many the oldest go.
MOST_KEPT = 200
_DIGEST = 32


def kept_table(words: str, make: Callable[[], Table]) -> Table:
    """The table that ``words`` describe, from disk or made now.

    Args:
        words: what the table is of, its numbers to the last bit.
        make: makes it.
    """
    from sdesim.compiled.jit import source_stamp

    path = folder() / f"{hashlib.sha256(f'{words} {source_stamp()}'.encode()).hexdigest()[:24]}.table"
    found = _read(path, words)
    if found is None:
        found = make()
        try:
            atomic_write_bytes(path, _packed(words, found))
            _prune(path.parent)
        except (RunError, OSError):
            # A cache is no more than that.
            pass
    return found


def folder() -> Path:
    """Where tables are kept."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("sdesim")) / "tables"


def _packed(words: str, table: Table) -> bytes:
    head = json.dumps({"table": words, "bits": table.bits, "u_error": table.u_error.hex()}) + "\n"
    rest = head.encode() + np.ascontiguousarray(table.coefficients, dtype="<f8").tobytes()
    return hashlib.sha256(rest).digest() + rest


def _read(path: Path, words: str) -> Table | None:
    try:
        content = path.read_bytes()
    except OSError:
        return None
    rest = content[_DIGEST:]
    if hashlib.sha256(rest).digest() != content[:_DIGEST]:
        return None
    head, _, numbers = rest.partition(b"\n")
    told = json.loads(head)
    if told["table"] != words:
        return None
    rows = np.frombuffer(numbers, dtype="<f8").astype(np.float64).reshape(-1, COEFFICIENTS)
    return Table(rows, int(told["bits"]), float.fromhex(told["u_error"]))


def _prune(place: Path) -> None:
    files = sorted(place.glob("*.table"), key=lambda file: file.stat().st_mtime)
    for file in files[: max(len(files) - MOST_KEPT, 0)]:
        file.unlink(missing_ok=True)
