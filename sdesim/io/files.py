"""The one place where sdesim writes plain files: whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sdesim.errors import RunError, failure, first_line
from sdesim.io.places import Place, Remote, place

# What is not seen as it is, beside what JSON escapes itself: controls, what turns the direction of writing,
# ends of lines, halves of characters.
_UNSEEN = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
# What `tempfile.mkstemp` makes of a file's name. What stands beside the file of a lock is the lock's.
_DRAFT = re.compile(r"\.(?!lock\.).+\.[a-z0-9_]{8}")
# Under which a record has its digest.
_DIGEST = "digest"
# Folders in which this process is writing runs.
_STANDING: list[Path] = []


def atomic_write_bytes(
    path: str | Place, content: bytes, *, make_folder: bool = True, durable: bool = True
) -> None:
    """Write `content` to `path` by way of a temporary file beside it, so that no reader sees half.

    Args:
        make_folder: make its folder if absent. durable: return when it is on the disk, so that neither a
            kill nor the end of the machine takes it away.

    Raises:
        RunError: the file can't be written (full disk, missing permission).
    """
    target = place(path)
    if isinstance(target, Remote):
        target.write_bytes(content)
        return
    temporary = None
    try:
        if make_folder:
            folder_made(target.parent)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
        if durable:
            to_disk(target.parent)
    # An interruption leaves no draft either.
    except BaseException as error:
        if temporary is not None:
            # On a file system that has become read-only it stays.
            with suppress(OSError):
                Path(temporary).unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        raise RunError(f"can't write {target}: {error.strerror or error}") from error


@contextmanager
def standing(folder: Path) -> Iterator[None]:
    """Meanwhile nothing makes this folder anew: where it is gone it was moved or removed, and a part of a run
    in its place would only be in the way."""
    _STANDING.append(folder)
    try:
        yield
    finally:
        _STANDING.remove(folder)


def folder_made(folder: Path) -> None:
    """Make a folder, and those above it but for one that is `standing`.

    Raises:
        OSError: the disk refuses, or that one is gone.
    """
    above = [folder, *folder.parents]
    place = next((k for k, path in enumerate(above) if path in _STANDING), None)
    if place is None:
        folder.mkdir(parents=True, exist_ok=True)
        return
    os.stat(above[place])
    for path in reversed(above[:place]):
        path.mkdir(exist_ok=True)


def remove_drafts(*folders: Place) -> None:
    """Remove what kills left of files that were being written in these folders; for who holds their lock."""
    for folder in folders:
        if isinstance(folder, Remote) or not folder.is_dir():
            continue
        for path in folder.iterdir():
            if _DRAFT.fullmatch(path.name):
                path.unlink(missing_ok=True)


def to_disk(path: str | Path) -> None:
    """Return when what a file holds, or which files a folder has, is on the disk.

    Raises:
        OSError: the disk refuses.
    """
    # Windows opens no folder.
    if os.name != "posix" and Path(path).is_dir():
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        # Some network folders know no such thing as their list of files on a disk.
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(handle)


def atomic_write_text(path: str | Place, text: str) -> None:
    """Write UTF-8 text; see `atomic_write_bytes`."""
    atomic_write_bytes(path, text.encode("utf-8"))


def read_text(path: Place) -> str:
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


def write_record(path: str | Place, value: Mapping[str, Any]) -> None:
    """Write an object as `atomic_write_json` does, with a digest of all of it, which `read_json` looks at."""
    held = _plain(value, None)
    atomic_write_json(path, {**held, _DIGEST: digest_of(held)})


def digest_of(value: Any) -> str:
    """Digest of what JSON holds."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def read_json(path: Place) -> dict[str, Any]:
    """The JSON object that a file holds; of one that `write_record` wrote, without its digest.

    Raises:
        RunError: it can't be read, holds none, or is not as it was written.
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
    digest = found.pop(_DIGEST, None)
    if digest is not None and digest != digest_of(found):
        raise RunError(f"{path} is not as it was written: it was edited or damaged since")
    return found


@contextmanager
def content_of(path: Place) -> Iterator[None]:
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
    path: str | Place, value: Any, digits: int | None = None, indent: int | None = 2, *, durable: bool = True
) -> None:
    """Write `value` as strict JSON; see `to_json` and `atomic_write_bytes`."""
    atomic_write_bytes(path, to_json(value, digits, indent).encode("utf-8"), durable=durable)
