"""Where runs lie: paths of this machine, and URLs of stores that fsspec knows (``s3://``, ``gs://``, …).

A URL has those of pathlib's names that runs need, so that what writes and reads them asks for no difference.
Keys and options of a store come from where its library takes them: the environment, files of its own and
those of fsspec. None enters a run or a message.
"""

from __future__ import annotations

import fnmatch
import os
import posixpath
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from sdesim.errors import RunError, failure

# One letter and a colon begin a path of Windows. A path has lost the second slash of a URL.
_DRIVE, _LOST = re.compile(r"[A-Za-z]:"), re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
# Bytes of a name, on nearly all file systems.
_LONGEST = 255
_LOCAL = ("file", "local")
_MISSING = "needs {what}, which is not installed: pip install 'sdesim[remote]'"


class Remote:
    """A place in a store beyond this machine's folders.

    What is written there is whole or not there, as far as the store gives that: those of objects do. They
    have no folders of their own, so none is made.

    Args:
        url: as fsspec reads it.

    Raises:
        RunError: nothing here knows such a URL.
    """

    def __init__(self, url: str) -> None:
        protocol, _, rest = url.partition("://")
        if "::" in url or not rest.strip("/"):
            raise RunError(f"found {url!r}, allowed: PROTOCOL://BUCKET/NAME")
        self._protocol, self._parts = protocol, rest.rstrip("/")

    @property
    def url(self) -> str:
        """The URL, whole."""
        return f"{self._protocol}://{self._parts}"

    def __str__(self) -> str:
        host, slash, rest = self._parts.partition("/")
        # A password stands before the host.
        return f"{self._protocol}://{host.rpartition('@')[2]}{slash}{rest}"

    def __repr__(self) -> str:
        return f"Remote({str(self)!r})"

    def __fspath__(self) -> str:
        raise RunError(f"{self} is no file of this machine, as is asked for here")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Remote) and self.url == other.url

    def __hash__(self) -> int:
        return hash(self.url)

    def __reduce__(self) -> tuple[Any, ...]:
        return Remote, (self.url,)

    def __truediv__(self, name: str) -> Remote:
        return Remote(f"{self.url}/{name}")

    @property
    def name(self) -> str:
        """The last part."""
        return posixpath.basename(self._parts)

    @property
    def stem(self) -> str:
        """The last part without its suffix."""
        return posixpath.splitext(self.name)[0]

    @property
    def parent(self) -> Remote:
        """Without the last part; that of a bucket is itself."""
        above = posixpath.dirname(self._parts)
        return Remote(f"{self._protocol}://{above}") if above else self

    def with_name(self, name: str) -> Remote:
        """With another last part."""
        return Remote(f"{self._protocol}://{posixpath.join(posixpath.dirname(self._parts), name)}")

    def resolve(self) -> Remote:
        """Itself: there are no links."""
        return self

    def is_symlink(self) -> bool:
        """False: there are no links."""
        return False

    def mkdir(self, parents: bool = False, exist_ok: bool = False) -> None:
        """Nothing: what is written makes its folder."""

    def exists(self) -> bool:
        """Whether something is there, an object or objects below."""
        return self._kind() is not None

    def is_dir(self) -> bool:
        """Whether objects are below."""
        return self._kind() == "directory"

    def is_file(self) -> bool:
        """Whether it is an object."""
        return self._kind() == "file"

    def _kind(self) -> str | None:
        with self._reaching("can't be looked at"), suppress(FileNotFoundError):
            self._fs.invalidate_cache()
            return str(self._fs.info(self._path)["type"])
        return None

    def read_bytes(self) -> bytes:
        """The content of an object.

        Raises:
            FileNotFoundError: it is not there. RunError: it can't be read.
        """
        with self._reaching("can't be read"):
            return bytes(self._fs.cat_file(self._path))

    def read_text(self, encoding: str) -> str:
        """The same as text."""
        return self.read_bytes().decode(encoding)

    def write_bytes(self, content: bytes) -> None:
        """Put an object there.

        Raises:
            RunError: it can't be written.
        """
        with self._writing():
            self._fs.pipe_file(self._path, content)

    def create(self, content: bytes) -> bool:
        """Put an object there and say so; false where one is.

        Of two at once one gets true where the store knows writes that exclude (S3, Google's); elsewhere both
        might.

        Raises:
            RunError: it can't be written.
        """
        try:
            with self._writing():
                self._fs.pipe_file(self._path, content, mode="create")
        except RunError as error:
            # Stores say in several ways that one was faster.
            cause = error.__cause__
            if isinstance(cause, FileExistsError) or (isinstance(cause, OSError) and self.exists()):
                return False
            raise
        return True

    def unlink(self, missing_ok: bool = False) -> None:
        """Remove an object."""
        try:
            with self._reaching("can't be removed"):
                self._fs.rm_file(self._path)
        except FileNotFoundError:
            if not missing_ok:
                raise

    def remove_tree(self) -> None:
        """Remove all objects below."""
        with self._reaching("can't be removed"), suppress(FileNotFoundError):
            self._fs.invalidate_cache()
            self._fs.rm(self._path, recursive=True)

    def iterdir(self) -> Iterator[Remote]:
        """What is directly below."""
        with self._reaching("can't be listed"):
            self._fs.invalidate_cache()
            found = self._fs.ls(self._path, detail=False)
        names = {posixpath.basename(str(path).rstrip("/")) for path in found if self._below(path)}
        return (self / name for name in sorted(names))

    def glob(self, pattern: str) -> Iterator[Remote]:
        """What is directly below with such a name; nothing where nothing is."""
        with suppress(FileNotFoundError):
            yield from (place for place in self.iterdir() if fnmatch.fnmatchcase(place.name, pattern))

    def sizes(self) -> dict[str, int]:
        """Bytes of all objects below, by their names from here on."""
        with self._reaching("can't be listed"), suppress(FileNotFoundError):
            self._fs.invalidate_cache()
            found = self._fs.find(self._path, detail=True)
            return {self._below(path): int(told["size"]) for path, told in found.items()}
        return {}

    def tails(self, sizes: Mapping[str, int], count: int) -> dict[str, bytes]:
        """The last bytes of objects below.

        Args:
            sizes: by their names. count: how many bytes.
        """
        names = list(sizes)
        starts, ends = [max(0, sizes[name] - count) for name in names], list(sizes.values())
        with self._reaching("can't be read"):
            found = self._fs.cat_ranges([f"{self._path}/{name}" for name in names], starts, ends)
        return dict(zip(names, map(bytes, found), strict=True))

    def store(self, read_only: bool = False) -> Any:
        """The Zarr store there."""
        from zarr.storage import FsspecStore

        with self._reaching("can't be reached"):
            return FsspecStore.from_url(self.url, read_only=read_only)

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        if find_spec("fsspec") is None:
            raise RunError(f"{self} {_MISSING.format(what='fsspec')}")
        from fsspec.core import url_to_fs

        try:
            fs, path = url_to_fs(self.url)
        except ImportError as error:
            raise RunError(f"{self} needs a library that is not installed: {failure(error)}") from error
        except Exception as error:
            raise RunError(f"{self} can't be reached: {failure(error)}") from error
        return fs, str(path).rstrip("/")

    @property
    def _fs(self) -> Any:
        return self._opened[0]

    @property
    def _path(self) -> str:
        return self._opened[1]

    def _below(self, path: str) -> str:
        """The name of an object from here on."""
        return str(path).strip("/").removeprefix(self._path.strip("/")).strip("/")

    @contextmanager
    def _reaching(self, words: str) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, RunError):
            raise
        # Libraries of stores have errors of their own.
        except Exception as error:
            raise RunError(f"{self} {words}: {failure(error)}") from error

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except RunError:
            raise
        except Exception as error:
            raise RunError(f"can't write {self}: {failure(error)}") from error


Place = Path | Remote


def place(where: str | Path | Remote) -> Place:
    """The place that a path or a URL names; ``file:`` ones are paths.

    Raises:
        RunError: nothing here knows such a URL.
    """
    if isinstance(where, Remote):
        return where
    if not isinstance(where, str | os.PathLike) or not str(where):
        raise RunError(f"found {_shown(where)}, allowed: a path, or PROTOCOL://BUCKET/NAME")
    if isinstance(where, str) and "://" in where and not _DRIVE.match(where):
        protocol, _, rest = where.partition("://")
        return Path(unquote(rest)) if protocol in _LOCAL else Remote(where)
    if isinstance(where, Path) and _LOST.match(where.as_posix()):
        raise RunError(f"found {str(where)!r}, allowed: a path of this machine (a URL is given as a text)")
    path = Path(where)
    try:
        named = "\0" not in str(path) and all(len(os.fsencode(part)) <= _LONGEST for part in path.parts)
    # What no file system writes.
    except UnicodeEncodeError:
        named = False
    if not named:
        raise RunError(
            f"found {_shown(str(where))}, allowed: a path whose names have at most {_LONGEST} bytes"
        )
    # What is kept beside a folder is called after it.
    return path if path.name else path.absolute()


def _shown(where: Any) -> str:
    # Loaded when something is wrong: the command line's help must not bring NumPy with it.
    from sdesim.kinds.spelling import short

    return short(where)


def local(where: Any, what: str) -> Path:
    """The path of this machine that is named.

    Args:
        what: is stored in folders alone, as messages say.

    Raises:
        RunError: it is a URL.
    """
    found = place(where)
    if isinstance(found, Remote):
        raise RunError(f"found {found}, allowed: a path of this machine for {what}")
    return found


def named(where: Place, pattern: str) -> list[Place]:
    """What is directly below with such a name, in order."""
    found: list[Place] = [*where.glob(pattern)]
    return sorted(found, key=str)


def holders(where: Place, name: str) -> list[str]:
    """Names of the folders directly below that hold such a file or folder, in order."""
    if isinstance(where, Remote):
        parts = [held.split("/") for held in where.sizes()]
        return sorted({p[0] for p in parts if len(p) > 1 and p[1] == name})
    return sorted(file.parent.name for file in where.glob(f"*/{name}"))


def remove_tree(where: Place) -> None:
    """Remove a folder and all in it."""
    if isinstance(where, Remote):
        where.remove_tree()
    else:
        shutil.rmtree(where)


def holds_files(where: Place) -> bool:
    """Whether there is a file below that was not left half written."""
    if isinstance(where, Remote):
        return bool(where.sizes())
    return any(file.is_file() and not file.name.endswith(".partial") for file in where.rglob("*"))


def zarr_store(where: Place, read_only: bool = False) -> Any:
    """The Zarr store there."""
    from zarr.storage import LocalStore

    if isinstance(where, Remote):
        return where.store(read_only)
    return LocalStore(where, read_only=read_only)


def sizes_of(where: Place, names: Iterable[str]) -> dict[str, int]:
    """Bytes of files below, by name; of those that are not there nothing."""
    if isinstance(where, Remote):
        # One listing in the place of a question for each.
        held = where.sizes()
        return {name: held[name] for name in names if name in held}
    found = {}
    for name in names:
        with suppress(OSError):
            found[name] = (where / name).stat().st_size
    return found
