"""The one place where sdesim writes plain files: whole or not at all."""

from __future__ import annotations

import json
import math
import os
import tempfile
from pathlib import Path
from typing import Any

from sdesim.errors import RunError


def atomic_write_bytes(path: str | Path, content: bytes) -> None:
    """Write `content` to `path` by way of a temporary file beside it, so that no reader sees half.

    Raises:
        RunError: the file can't be written (full disk, missing permission).
    """
    target = Path(path)
    temporary = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise RunError(f"can't write {target}: {error.strerror or error}") from error


def atomic_write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 text; see `atomic_write_bytes`."""
    atomic_write_bytes(path, text.encode("utf-8"))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    # JSON has no NaN or infinity: browsers and strict parsers refuse them.
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    return value


def to_json(value: Any) -> str:
    """Strict JSON: NaN becomes null, infinities become the strings "Infinity" and "-Infinity"."""
    return json.dumps(_plain(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def atomic_write_json(path: str | Path, value: Any) -> None:
    """Write `value` as strict JSON; see `to_json`."""
    atomic_write_text(path, to_json(value))
