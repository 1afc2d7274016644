"""Single damages of a folder, as disks, editors and half-finished copies make them."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Each stands in the place of a value of a JSON file.
_VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 1, 2**63, 10**30, 1e308, 0.5, "", "x", "\x1b[31mred", "../../etc/passwd", "NaN", [],
    {}, [[]], [1, 2], {"a": 1}, "Infinity", "<script>alert(1)</script>", "x" * 5000,
)  # fmt: skip
_DEEP = b"[" * 3000


def damage(folder: Path, draw: random.Random) -> str:
    """One file or folder below `folder` is not as it was; what was done, in words."""
    places = sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink())
    # Chunks are many and of a kind: each kind of file has the same chance.
    kinds: dict[str, list[Path]] = {}
    for place in places:
        kinds.setdefault(_sort(place, folder), []).append(place)
    path = draw.choice(kinds[draw.choice(sorted(kinds))])
    done = draw.choice(_DAMAGES if path.suffix != ".json" else (*_DAMAGES, *_OF_JSON))
    named = f"{done.__name__.strip('_')} {path.relative_to(folder)}"
    return f"{named} {done(path, draw)}".strip()


def _sort(path: Path, folder: Path) -> str:
    parts = path.relative_to(folder).parts
    if "figures" in parts:
        return "figure"
    return "chunk" if "c" in parts[1:] else "/".join(parts[-2:]) if "zarr" in parts[-1] else parts[-1]


def _cut(path: Path, draw: random.Random) -> str:
    content = path.read_bytes()
    at = draw.randrange(len(content) + 1)
    path.write_bytes(content[:at])
    return f"to {at} of {len(content)} bytes"


def _emptied(path: Path, draw: random.Random) -> str:
    path.write_bytes(b"")
    return ""


def _flipped(path: Path, draw: random.Random) -> str:
    content = bytearray(path.read_bytes())
    if not content:
        return ""
    at, bit = draw.randrange(len(content)), draw.randrange(8)
    content[at] ^= 1 << bit
    path.write_bytes(bytes(content))
    return f"bit {bit} of byte {at}"


def _garbage(path: Path, draw: random.Random) -> str:
    size = draw.choice((1, 20, max(1, path.stat().st_size)))
    path.write_bytes(draw.randbytes(size))
    return f"of {size} bytes"


def _zeros(path: Path, draw: random.Random) -> str:
    path.write_bytes(bytes(path.stat().st_size))
    return ""


def _longer(path: Path, draw: random.Random) -> str:
    path.write_bytes(path.read_bytes() + draw.choice((b"\0", b"\n", b"}", draw.randbytes(30))))
    return ""


def _gone(path: Path, draw: random.Random) -> str:
    path.unlink()
    return ""


def _a_folder(path: Path, draw: random.Random) -> str:
    path.unlink()
    path.mkdir()
    return ""


def _a_dangling_link(path: Path, draw: random.Random) -> str:
    path.unlink()
    path.symlink_to("nowhere")
    return ""


def _a_circular_link(path: Path, draw: random.Random) -> str:
    path.unlink()
    path.symlink_to(path.name)
    return ""


def _another_file(path: Path, draw: random.Random) -> str:
    others = sorted(p for p in path.parents[0].rglob("*") if p.is_file() and p != path)
    if not others:
        return ""
    other = draw.choice(others)
    content = other.read_bytes()
    path.write_bytes(content)
    return f"is {other.name}"


def _folder_gone(path: Path, draw: random.Random) -> str:
    shutil.rmtree(path.parent)
    path.parent.mkdir()
    return ""


def _nested(path: Path, draw: random.Random) -> str:
    path.write_bytes(_DEEP)
    return ""


def _value(path: Path, draw: random.Random) -> str:
    """A value of a JSON file is another one."""
    try:
        held = json.loads(path.read_bytes())
    except ValueError:
        return ""
    places = list(_places(held, ()))
    if not places:
        return ""
    where, value = draw.choice(places), draw.choice(_VALUES)
    here = held
    for part in where[:-1]:
        here = here[part]
    kind = draw.randrange(3)
    if kind == 0 and isinstance(here, dict):
        del here[where[-1]]
        value = "gone"
    else:
        here[where[-1]] = value
    path.write_text(json.dumps(held), encoding="utf-8")
    return f"{'.'.join(map(str, where))} = {str(value)[:40]!r}"


def _places(held: Any, path: tuple[Any, ...]) -> Any:
    entries = held.items() if isinstance(held, dict) else enumerate(held) if isinstance(held, list) else ()
    for key, value in entries:
        yield (*path, key)
        yield from _places(value, (*path, key))


_DAMAGES: tuple[Callable[[Path, random.Random], str], ...] = (
    _cut, _emptied, _flipped, _garbage, _zeros, _longer, _gone, _a_folder, _a_dangling_link, _a_circular_link,
    _another_file, _folder_gone,
)  # fmt: skip
_OF_JSON = (_value, _value, _value, _value, _value, _nested)
