"""One fault while one work writes, and the same work once the fault is gone."""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .forked import ended, launched
from .places import Place
from .works import SCENARIOS, WORKS, Work

# They tell of times and places.
_SKIPPED = (
    "provenance.json",
    "report.html",
    "index.html",
    "zarr.json",
    "progress.json",
    "bench.json",
    "table.md",
)
_OF_NOW = (
    "wall_time",
    "digest",
    "points_run",
    "created",
    "probe_share",
    "seconds",
    "began",
    "ended",
    "session",
    "cost",
)
_NOBODY = 65534


@dataclass(frozen=True)
class Whole:
    """What a work comes to when nothing happens.

    Attributes:
        content: of its files. size, files: what it adds. largest: bytes of its largest file.
        seconds: how long it takes. said: what it prints.
    """

    content: dict[str, str]
    size: int
    files: int
    largest: int
    seconds: float
    said: str


def prepare(room: Path) -> None:
    """Scenarios beside the place that works write to."""
    for name, text in SCENARIOS.items():
        (room / f"{name}.yaml").write_text(text, encoding="utf-8")


def whole(work: Work, room: Path) -> Whole:
    """Run it twice, the second time with everything compiled."""
    for _ in range(2):
        place = _fresh(work, room)
        try:
            before, began = place.used(), time.monotonic()
            code, said = ended(*launched(work.begin, place.folder))
            took, after = time.monotonic() - began, place.used()
            if code not in (0, 1) or "Traceback" in said:
                raise RuntimeError(f"without a fault it ended with {code}: {said}")
            held, largest = contents(place.folder), place.largest()
            found = Whole(held, after[0] - before[0], after[1] - before[1], largest, took, said)
        finally:
            place.remove()
    return found


def trial(work: Work, fault: str, known: Whole, room: Path, rng: random.Random) -> dict[str, Any]:
    """What comes of it.

    Returns:
        "outcome": "told" (one line that names a path, exit code 2), "went through", or what is wrong;
        "then": "same", "refused" or "other" after the fault; "said"; "seconds" until it ended.
    """
    place = _fresh(work, room)
    try:
        first, strike = FAULTS[fault](place, known, rng)
        began = time.monotonic()
        pid, read = launched(work.begin, place.folder, first)
        struck = strike() if strike is not None else True
        code, said = ended(pid, read)
        took = time.monotonic() - began
        place.mend()
        for folder in (place.folder, *(p for p in place.folder.rglob("*") if p.is_dir())):
            folder.chmod(0o755)
            os.chown(folder, 0, 0)
        outcome = _outcome(code, said, work, known, place.folder)
        if not struck and outcome == "went through":
            outcome = "not struck"
        then = ""
        if outcome not in ("went through", "not struck"):
            code, again = ended(*launched(_next(work, place.folder), place.folder))
            same = contents(place.folder) == known.content or work.goes_on
            then = "same" if code in (0, 1) and same else f"other: exit {code}: {again[-1500:]}"
            if code in (0, 1) and not same:
                held = contents(place.folder)
                apart = [n for n in {*held, *known.content} if held.get(n) != known.content.get(n)]
                then += f" differing: {sorted(apart)[:5]}"
        return {"outcome": outcome, "then": then, "said": said[-3000:], "seconds": round(took, 2)}
    finally:
        place.remove()


def _outcome(code: int, said: str, work: Work, known: Whole, folder: Path) -> str:
    if "Traceback" in said:
        return "traceback"
    if code in (0, 1):
        if contents(folder) == known.content:
            return "went through"
        # A training that is watched goes on, and a warning tells once what can't be written.
        return (
            "told"
            if work.goes_on and _weights(said) == _weights(known.said) and "can't write out" in said
            else "SILENT"
        )
    lines = [line for line in said.splitlines() if line.strip()]
    if code != 2:
        return f"exit {code}"
    if len(lines) != 1:
        return f"{len(lines)} lines"
    if "of disk" in said and "are free" in said:
        # Refused beforehand, at the field that would take too much.
        return "told"
    named = str(folder) in said or any(
        w in said for w in ("out/", " out ", " out:", "mine.yaml", "schema.json", "again")
    )
    return "told" if named else "no path"


def _weights(said: str) -> list[str]:
    return [line for line in said.splitlines() if line.startswith("[")]


Strike = Callable[[], bool] | None
Fault = Callable[[Place, Whole, random.Random], tuple[Callable[[], None] | None, Strike]]


def _full(place: Place, known: Whole, rng: random.Random) -> Any:
    place.leave(size=int(rng.random() * known.size))
    return None, None


def _few(place: Place, known: Whole, rng: random.Random) -> Any:
    place.leave(files=rng.randrange(max(1, known.files)))
    return None, None


def _limit(place: Place, known: Whole, rng: random.Random) -> Any:
    most = int(rng.random() * known.largest)
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)), None


def _read_only(place: Place, known: Whole, rng: random.Random) -> Any:
    place.close()
    return None, None


def _turning(place: Place, known: Whole, rng: random.Random) -> Any:
    after = rng.random() * known.seconds

    def strike() -> bool:
        time.sleep(after)
        return place.close(patience=5.0)

    return None, strike


def _refused(place: Place, known: Whole, rng: random.Random) -> Any:
    for folder in (place.folder, *(p for p in place.folder.rglob("*") if p.is_dir())):
        os.chown(folder, _NOBODY, _NOBODY)
        folder.chmod(0o555)
    return _without_privilege, None


def _without_privilege() -> None:
    """Give up the right to write wherever one likes, which a superuser has: CAP_DAC_OVERRIDE of Linux."""
    kept = 2**32 - 1 - 2**1
    version, masks = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    libc = ctypes.CDLL(None, use_errno=True)
    libc.capget(version, masks)
    for k in (0, 1):
        masks[k] &= kept
    if libc.capset(version, masks) != 0:
        raise OSError(ctypes.get_errno(), "the right to write anywhere can't be given up")


FAULTS: dict[str, Fault] = {
    "full disk": _full,
    "no more files": _few,
    "limit of a file's size": _limit,
    "read-only": _read_only,
    "read-only from a moment on": _turning,
    "no permission": _refused,
}


def _fresh(work: Work, room: Path) -> Place:
    place = Place(room / "place")
    if work.ready:
        code, said = 0, ""
        before = WORKS[work.ready]
        kept = room / f"ready {work.ready} {work.half}"
        if not kept.exists():
            if work.half:
                _interrupted(before, place.folder)
            else:
                code, said = ended(*launched(before.begin, place.folder))
            if code not in (0, 1):
                raise RuntimeError(f"{work.ready} ended with {code}: {said}")
            shutil.copytree(place.folder, kept)
        else:
            shutil.copytree(kept, place.folder, dirs_exist_ok=True)
    return place


def _interrupted(work: Work, folder: Path) -> None:
    """Kill it once it has left something to go on from."""
    pid, read = launched(work.begin, folder)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if any(folder.glob("out/*.checkpoint")) or any(folder.glob("out/*.parts/0.npz")):
            break
        time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    ended(pid, read)
    if not (folder / "out" / "INCOMPLETE").exists():
        raise RuntimeError("it had ended before it could be interrupted")


def _next(work: Work, folder: Path) -> Any:
    out = folder / "out"
    begun = any(out.glob("**/scenario.yaml")) or (out.exists() and "claims" in work.begin)
    return work.resume if work.resume is not None and begun else work.begin


def contents(folder: Path) -> dict[str, str]:
    """Digests of all that does not tell of time and place, and the numbers of the others."""
    files = [p for p in sorted(folder.rglob("*")) if p.is_file()]
    found = {}
    for path in files:
        name = str(path.relative_to(folder))
        if path.suffix in (".json", ".jsonl") and path.name not in _SKIPPED:
            text = path.read_text(encoding="utf-8")
            try:
                value = _timeless([json.loads(line) for line in text.splitlines()] if path.suffix == ".jsonl"
                                  else json.loads(text))  # fmt: skip
            except ValueError:
                value = text
            found[name] = json.dumps(value, sort_keys=True)
        elif path.name in _SKIPPED:
            found[name] = "there" if path.stat().st_size else "empty"
        else:
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _timeless(v) for k, v in value.items() if k not in _OF_NOW}
    return [_timeless(v) for v in value] if isinstance(value, list) else value
