"""Chunks of a stored run with their checksums: noted when they are written, held against when they are read.

Each chunk file ends in the CRC-32C of what stands before it (Zarr's codec ``crc32c``). The manifest of a run
that is whole, its attribute ``manifest``, has these of all chunks, so that one that is missing, cut off,
damaged, or of another run is told, and never read as data.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import google_crc32c
import numpy as np
import zarr
from zarr.codecs import Crc32cCodec
from zarr.storage import WrapperStore

from sdesim.errors import RunError, SdesimError, failure, first_line
from sdesim.io.files import to_disk
from sdesim.io.places import Place, Remote, holders, sizes_of, zarr_store

MANIFEST = "manifest"
# What Zarr makes of a description that is not there, was cut off, edited, or is nested too deeply.
UNREADABLE = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    IndexError,
    RecursionError,
    ArithmeticError,
)
# Bytes of a checksum, and what stands for a chunk that was never written: all of it is the fill value.
TAIL, _NONE = 4, "-" * 8


class _ToldOnce(logging.Filter):
    """Of the damaged chunks of one read the first is told; asyncio would log each of the others."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], SdesimError))


logging.getLogger("asyncio").addFilter(_ToldOnce())


def checksums() -> tuple[Any, ...]:
    """The codecs of every array: it is stored as it is, with its checksum."""
    return (Crc32cCodec(),)


class CheckedStore(WrapperStore[Any]):
    """The Zarr store of a run.

    Args:
        root: where the run lies. store: the one there.
        expected: chunk → its checksum, of those that must be there so; what is written takes its place.
        sizes: array → bytes of its chunks.
        whole: whether no other chunk may be there.
        summed: arrays whose chunks end in a checksum; None: all.
    """

    def __init__(
        self, root: Place, store: Any, expected: Mapping[str, str] | None = None,
        sizes: Mapping[str, int] | None = None, whole: bool = False,
        summed: Iterable[str] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(store)
        self.expected: dict[str, str] = dict(expected or {})
        self.sizes: dict[str, int] = dict(sizes or {})
        self.whole = whole
        self.summed = None if summed is None else frozenset(summed)
        self.root = root
        self._place = _identity(root)
        # What the disk may not have yet, and since when.
        self._waiting: set[str] = set()
        self._since = time.monotonic()

    def check_place(self) -> None:
        """That the run still lies where it was begun; what is written would make a new folder otherwise.

        Raises:
            RunError: it was moved or removed.
        """
        if self._place is None:
            self._place = _identity(self.root)
        elif _identity(self.root) != self._place:
            raise RunError(f"{self.root} was moved or removed while it was being written")

    def _with_store(self, store: Any) -> CheckedStore:
        return type(self)(self.root, store, self.expected, self.sizes, self.whole, self.summed)

    def __reduce__(self) -> tuple[Any, ...]:
        told = (self.expected, self.sizes, self.whole, self.summed)
        return _again, (self.root, self._store.read_only, *told)

    def __dask_tokenize__(self) -> tuple[str, str, str]:
        return "sdesim run", str(self.root.resolve()), _digest(json.dumps(self.expected).encode())

    async def get(self, key: str, prototype: Any, byte_range: Any = None) -> Any:
        try:
            found = await self._store.get(key, prototype, byte_range)
        except OSError as error:
            raise RunError(f"{self.root / key} can't be read: {error.strerror or error}") from error
        except Exception as error:
            self._tell(error, f"{self.root / key} can't be read")
            raise
        if byte_range is None and _is_chunk(key):
            self._check(key, found)
        return found

    async def set(self, key: str, value: Any) -> None:
        self.check_place()
        if _is_chunk(key):
            self.expected[key] = bytes(value.as_numpy_array()[-TAIL:]).hex()
        try:
            await self._store.set(key, value)
        except Exception as error:
            self._tell(error, f"can't write {self.root / key}")
            raise
        self._waiting.add(key)

    def take(self, chunks: Mapping[str, str]) -> None:
        """Take over chunks that another process has written here, with their checksums."""
        self.expected.update(chunks)
        self._waiting.update(chunks)

    def to_disk(self, least: float = 0.0) -> bool:
        """Return when all that was written is on the disk, so that the end of the machine takes none of it;
        false where it was not waited for.

        Args:
            least: seconds of work, below which that is not worth its price.

        Raises:
            OSError: the disk refuses.
        """
        # Beyond this machine what was taken is kept.
        if isinstance(self.root, Remote) or time.monotonic() - self._since < least:
            return False
        files = [self.root / key for key in self._waiting]
        folders = {folder for file in files for folder in file.parents if folder.is_relative_to(self.root)}
        for path in (*files, *folders, *([self.root.parent] if files else ())):
            to_disk(path)
        self._waiting.clear()
        self._since = time.monotonic()
        return True

    async def delete(self, key: str) -> None:
        # A chunk that has become all fill value.
        self.expected.pop(key, None)
        self._waiting.discard(key)
        await self._store.delete(key)

    def _tell(self, error: Exception, words: str) -> None:
        """Tell in one line what a store beyond this machine raised: its library has errors of its own.

        Raises:
            RunError: it is beyond this machine.
        """
        if isinstance(self.root, Remote):
            raise RunError(f"{words}: {failure(error)}") from error

    def _check(self, key: str, found: Any) -> None:
        """Hold a chunk that was read against its own checksum, its size, and the one that is expected."""
        known = self.expected.get(key, _NONE)
        if found is None:
            if known != _NONE:
                raise _damage(self.root, key, "is missing")
            return
        data, name = found.as_numpy_array(), key.split("/")[0]
        if len(data) != self.sizes.get(name, len(data)):
            raise _damage(self.root, key, "is cut off")
        if self.summed is not None and name not in self.summed:
            return
        tail, body = bytes(data[-TAIL:]), data[:-TAIL]
        if len(data) < TAIL or np.uint32(google_crc32c.value(body)).tobytes() != tail:
            raise _damage(self.root, key, "is damaged")
        if (self.whole or known != _NONE) and known != tail.hex():
            raise _damage(self.root, key, "is not the one that was written")


def _again(root: Place, read_only: bool, *told: Any) -> CheckedStore:
    return CheckedStore(root, zarr_store(root, read_only), *told)


def _damage(root: Place, key: str, how: str) -> RunError:
    return RunError(f"{root}: chunk {key} {how}; what is stored there can't be trusted")


def _identity(root: Place) -> tuple[int, int] | None:
    # What lies at a URL is not moved.
    if isinstance(root, Remote):
        return 0, 0
    try:
        found = os.stat(root)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _is_chunk(key: str) -> bool:
    """Keys are ``name/c/0/1``, without an axis ``name/c``; descriptions are ``name/zarr.json``."""
    return key.endswith("/c") or "/c/" in key


def opened(root: Place) -> tuple[CheckedStore, dict[str, Any]]:
    """The store of a run that lies there, as far as it is known whole, and the attributes of its group.

    Raises:
        RunError: something is missing or not as it was written.
        OSError, ValueError, KeyError: it is no Zarr group.
    """
    plain = zarr_store(root, read_only=True)
    group: Any = zarr.open_group(plain, mode="r")
    attrs = dict(group.attrs)
    if attrs.get("complete") and MANIFEST in attrs:
        return CheckedStore(root, plain, *verify(root, attrs), whole=True), attrs
    summed, sizes = set(), {}
    # An array whose description is gone would be left out, and with it what is stored of it.
    names = {*holders(root, "zarr.json"), *holders(root, "c")}
    for name, array in described(root, group, sorted(names)):
        codecs = array.compressors
        if codecs == checksums():
            summed.add(name)
        if codecs in ((), checksums()) and array.shards is None:
            sizes[name] = math.prod(array.chunks) * array.dtype.itemsize + TAIL * len(codecs)
    return CheckedStore(root, plain, sizes=sizes, summed=summed), attrs


def described(root: Place, group: Any, names: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """Name and array of each of a run's, one after another: Zarr reads all at once, leaves out those that it
    doesn't find, and tells the second that it can't read at a moment of its own.

    Raises:
        RunError: a description can't be read.
    """
    for name in names:
        try:
            yield name, group[name]
        except UNREADABLE as error:
            how = f"{type(error).__name__}: {first_line(error)}"
            raise RunError(f"{root}: the description of {name} can't be read ({how})") from error


def manifest_of(
    group: Any, names: Iterable[str], store: CheckedStore, attrs: Mapping[str, Any]
) -> dict[str, Any]:
    """What a run that is whole says of its chunks, after a look at each.

    Args:
        group: the Zarr group. names: of its arrays. store: through which it was written.
        attrs: those that it will have.

    Returns:
        Under "attributes" a digest, under "arrays" by name the digest of its description, the numbers of
        chunks along its axes, the bytes of a chunk, and the checksums of all in the order of C.

    Raises:
        RunError: a chunk is missing, or not as it was written.
    """
    _check_tails(store.root, store.expected)
    arrays = {}
    for name, array in described(store.root, group, sorted(names)):
        arrays[name] = {
            "description": _digest((store.root / name / "zarr.json").read_bytes()),
            "chunks": list(array.cdata_shape),
            "bytes": math.prod(array.chunks) * array.dtype.itemsize + TAIL,
            "checksums": "".join(store.expected.get(key, _NONE) for key in _keys(name, array.cdata_shape)),
        }
    return {"attributes": attributes_digest(attrs), "arrays": arrays}


def attributes_digest(attrs: Mapping[str, Any]) -> str:
    """Digest of the attributes of a group, but for its manifest."""
    held = {name: value for name, value in attrs.items() if name != MANIFEST}
    return _digest(json.dumps(held, sort_keys=True).encode())


def verify(root: Place, attrs: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, int]]:
    """Hold what lies there against the manifest: descriptions by their digests, chunks by their sizes; what
    they hold is looked at when it is read.

    Args:
        root: of a run that is whole. attrs: those of its group.

    Returns:
        Chunk → its checksum, and array → bytes of its chunks.

    Raises:
        RunError: something is missing or not as it was written.
    """
    try:
        manifest = json.loads(attrs[MANIFEST])
        arrays = manifest["arrays"]
        expected = {key: part for name, told in arrays.items() for key, part in _expected(name, told)}
        sizes = {name: int(told["bytes"]) for name, told in arrays.items()}
        held = {name: str(told["description"]) for name, told in arrays.items()}
        whole = manifest["attributes"] == attributes_digest(attrs)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(f"{root}: its manifest is missing or damaged ({type(error).__name__})") from error
    if not whole:
        raise RunError(f"{root}: its attributes are not the ones that were written")
    for name, digest in held.items():
        try:
            same = _digest((root / name / "zarr.json").read_bytes()) == digest
        except OSError as error:
            raise RunError(f"{root}: {name} can't be read: {error.strerror or error}") from error
        if not same:
            raise RunError(f"{root}: the description of {name} is not the one that was written")
    found = sizes_of(root, expected)
    for key in expected:
        if key not in found:
            raise _damage(root, key, "is missing")
        if found[key] != sizes[key.split("/")[0]]:
            raise _damage(root, key, "is cut off")
    return expected, sizes


def check_own(root: Place, tails: Mapping[str, str], grown: Callable[[str, bytes, str], bool]) -> None:
    """That these chunks are there, and none is damaged; at a URL only that each ends in its checksum.

    Args:
        root: of the run. tails: chunk → the checksum that is known of it. grown: tells, of a whole chunk with
            another one, whether it is the known one and more.

    Raises:
        RunError: naming the one that is not.
    """
    ends = root.tails(sizes_of(root, tails), TAIL) if isinstance(root, Remote) else {}
    for key, known in tails.items():
        if key in ends and ends[key].hex() == known:
            continue
        try:
            data = (root / key).read_bytes()
        except OSError:
            raise _damage(root, key, "is missing") from None
        if checksum(data[:-TAIL]) != data[-TAIL:].hex():
            raise _damage(root, key, "is damaged")
        if data[-TAIL:].hex() != known and not grown(key, data, known):
            raise _damage(root, key, "is not the one that was written")


def checksum(body: bytes) -> str:
    """As a chunk ends in it, in hexadecimal digits."""
    return np.uint32(google_crc32c.value(body)).tobytes().hex()


def _expected(name: str, told: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Chunks of an array that a manifest names, with their checksums."""
    sums, keys, length = str(told["checksums"]), list(_keys(name, told["chunks"])), len(_NONE)
    if len(sums) != length * len(keys):
        raise ValueError(f"{name} has {len(keys)} chunks")
    found = ((key, sums[length * k : length * (k + 1)]) for k, key in enumerate(keys))
    return [(key, part) for key, part in found if part != _NONE]


def _check_tails(root: Place, tails: Mapping[str, str]) -> None:
    """That chunks are there, and each ends in its checksum.

    Raises:
        RunError: naming the one that is not.
    """
    if isinstance(root, Remote):
        found = root.tails(sizes_of(root, tails), TAIL)
        for key, known in tails.items():
            if key not in found:
                raise _damage(root, key, "is missing")
            if found[key].hex() != known:
                raise _damage(root, key, "is not the one that was written")
        return
    for key, known in tails.items():
        try:
            with (root / key).open("rb") as file:
                file.seek(-TAIL, os.SEEK_END)
                tail = file.read().hex()
        except OSError:
            raise _damage(root, key, "is missing") from None
        if tail != known:
            raise _damage(root, key, "is not the one that was written")


def _keys(name: str, chunks: Iterable[int]) -> Iterable[str]:
    """Keys of an array's chunks, in the order of C."""
    return ("/".join([name, "c", *map(str, place)]) for place in np.ndindex(*chunks))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
