"""Arrays in one file with a digest of them all, so that what was cut off or edited is not taken for them."""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.errors import RunError
from sdesim.io.files import atomic_write_bytes
from sdesim.io.places import Place, Remote

_DIGEST = "digest"
# An empty file is an EOFError to NumPy, an edited header a TypeError, a SyntaxError or too large.
_UNREADABLE = (
    OSError, ValueError, KeyError, EOFError, TypeError, AttributeError, SyntaxError, NotImplementedError,
    MemoryError, zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error,
)  # fmt: skip


def write_sealed(path: Place, arrays: Mapping[str, Any]) -> None:
    """Write arrays and their digest as an .npz, whole or not at all.

    Raises:
        RunError: the disk refuses.
    """
    held = {name: np.asarray(array) for name, array in arrays.items()}
    buffer = io.BytesIO()
    np.savez(buffer, **held, **{_DIGEST: np.array(_digest(held))})  # type: ignore[arg-type,unused-ignore]
    # A folder that was moved away is not made anew.
    atomic_write_bytes(path, buffer.getvalue(), make_folder=False)


def read_sealed(path: Place, advice: str) -> dict[str, NDArray[Any]]:
    """What `write_sealed` wrote; nothing in the file is executed.

    Args:
        path: of the file. advice: what to do where it can't be used.

    Raises:
        RunError: it can't be read, or is not as it was written.
    """
    try:
        held: Any = io.BytesIO(path.read_bytes()) if isinstance(path, Remote) else path
        with np.load(held, allow_pickle=False) as stored:
            found = {name: stored[name] for name in stored.files}
        digest = str(found.pop(_DIGEST))
    except _UNREADABLE as error:
        raise RunError(f"{path} can't be read ({type(error).__name__}): {advice}") from error
    if digest != _digest(found):
        raise RunError(f"{path} is not as it was written: {advice}")
    return found


def _digest(arrays: Mapping[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
