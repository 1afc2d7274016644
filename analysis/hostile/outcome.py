"""What the command says to one file, and whether that is as it must be."""

from __future__ import annotations

import contextlib
import io
import os
import resource
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# What a refusal may be: so many lines, each so long; and the seconds that it may take.
LINES, LETTERS, SECONDS = 20, 300, 2.0


@dataclass(frozen=True)
class Outcome:
    """Of one file.

    Attributes:
        code: exit status; None where an error that is not ours came through.
        told: what stood on standard error.
        seconds: of the processor.
        fault: what is wrong about it; empty where nothing is.
    """

    code: int | None
    told: str
    seconds: float
    fault: str


@contextlib.contextmanager
def memory_limit(gigabytes: float) -> Iterator[None]:
    """No more than so much beside what is held already."""
    held = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * os.sysconf("SC_PAGESIZE")
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (held + int(gigabytes * 2**30), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def validated(folder: Path, content: bytes) -> Outcome:
    """What `sdesim validate` makes of a file with this content, in this process.

    Args:
        folder: an empty one, where the file is put and where nothing else may come to stand.
    """
    path = folder / "hostile.yaml"
    path.write_bytes(content)
    said = called(folder, ["validate", path.name])
    left = sorted(p.name for p in folder.iterdir() if p != path)
    told = said.err if said.code else said.out
    fault = said.fault or judged(said.code, told, said.seconds, left, path.name)
    return Outcome(said.code, told, said.seconds, fault)


@dataclass(frozen=True)
class Said:
    """What a command said: exit status (None where an error that is not ours came through, which `fault`
    names), standard output, standard error, and seconds of the processor."""

    code: int | None
    out: str
    err: str
    seconds: float
    fault: str = ""


def called(folder: Path, arguments: list[str]) -> Said:
    """The command line in this process, with a working directory of its own."""
    from sdesim.cli import main

    out, err, code, fault = io.StringIO(), io.StringIO(), None, ""
    given, sys.argv = sys.argv, ["sdesim", *arguments]
    here = Path.cwd()
    os.chdir(folder)
    begin = time.process_time()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException as error:
        places = traceback.extract_tb(error.__traceback__)
        where = next((p for p in reversed(places) if "sdesim" in p.filename), places[-1])
        fault = f"{type(error).__name__} at {Path(where.filename).name}:{where.lineno}: {str(error)[:200]}"
    finally:
        os.chdir(here)
        sys.argv = given
    return Said(code, out.getvalue(), err.getvalue(), time.process_time() - begin, fault)


def judged(code: int | None, told: str, seconds: float, left: list[str], name: str) -> str:
    """What is wrong about an answer; empty where nothing is."""
    lines = told.removesuffix("\n").split("\n")
    if code not in (0, 2):
        return f"exit status {code}"
    if left:
        return f"wrote {left[0]}"
    if seconds > SECONDS:
        return f"took {seconds:.1f} s"
    if any(not line.isprintable() for line in lines):
        return "characters that are not printable"
    if code == 2 and len(lines) > LINES:
        return f"{len(lines)} lines"
    if code == 2 and any(len(line) > LETTERS for line in lines):
        return f"a line of {max(map(len, lines))} letters"
    if code == 2 and not all(name in line or "more" in line for line in lines):
        return "a line that names no file"
    return ""
