"""The one place where sdesim writes plain files: whole or not at all."""

from __future__ import annotations

import json
import math
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sdesim.errors import RunError, failure, first_line

# What is not seen as it is, beside what JSON escapes itself: controls, what turns the direction of writing,
# ends of lines, halves of characters.
_UNSEEN = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


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


def read_text(path: Path) -> str:
    """UTF-8 text of a file.

    Raises:
        RunError: it can't be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise RunError(f"{path} can't be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise RunError(f"{path} can't be read: {first_line(error)}") from error


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object that a file holds.

    Raises:
        RunError: it can't be read, or holds none.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RunError(f"{path} can't be read: {error.strerror or error}") from error
    # Brackets nested too deeply are a RecursionError.
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path} can't be read: {first_line(error)}") from error
    if not isinstance(found, dict):
        raise RunError(f"{path} can't be read: it holds no JSON object")
    return found


@contextmanager
def content_of(path: Path) -> Iterator[None]:
    """What is taken from a file's content has the form that it should have.

    Raises:
        RunError: it has not, in one line.
    """
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise RunError(f"{path} does not hold what it should: {failure(error)}") from error


def _plain(value: Any, digits: int | None) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v, digits) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v, digits) for v in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist(), digits)
    # JSON has no NaN or infinity: browsers and strict parsers refuse them.
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    return float(f"{value:.{digits}g}") if isinstance(value, float) and digits is not None else value


def to_json(value: Any, digits: int | None = None, indent: int | None = 2) -> str:
    """Strict JSON: NaN becomes null, infinities become the strings "Infinity" and "-Infinity".

    Args:
        value: dicts, lists, numbers, texts and arrays.
        digits: significant digits of floating-point numbers; None: all.
        indent: spaces a level; None: all in one line.
    """
    text = json.dumps(_plain(value, digits), indent=indent, ensure_ascii=False, allow_nan=False) + "\n"
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def atomic_write_json(
    path: str | Path, value: Any, digits: int | None = None, indent: int | None = 2
) -> None:
    """Write `value` as strict JSON; see `to_json`."""
    atomic_write_text(path, to_json(value, digits, indent))
