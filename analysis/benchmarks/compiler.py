"""The C loop: compiled by every compiler found, the quickest binary takes part."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .environments import Missing

SOURCE = Path(__file__).parent / "contestants" / "loop.c"
_FLAGS = ("-O3", "-march=native", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math")
# The loop is bound by its vector width, and what a compiler prefers is not always what is fastest.
_WIDE = "-mprefer-vector-width=512"
_TRIALS = 3


@dataclass(frozen=True)
class Binary:
    """A compiled loop, with the command that made it."""

    path: Path
    command: str
    compiler: str


def compile_all(folder: Path) -> list[Binary]:
    """The loop by each of clang, gcc and cc that is there, with and without wide vectors.

    Raises:
        Missing: there is no compiler, or none can compile it.
    """
    found, seen, failure = [], set(), "no C compiler (clang, gcc or cc) found"
    for name in ("clang", "gcc", "cc"):
        place = shutil.which(name)
        if place is None or Path(place).resolve() in seen:
            continue
        seen.add(Path(place).resolve())
        wide = [(_WIDE,)] if platform.machine() in ("x86_64", "AMD64") else []
        for k, extra in enumerate([(), *wide]):
            target = folder / f"loop-{name}-{k}"
            flags = [*_FLAGS, *extra]
            done = subprocess.run(
                [place, *flags, str(SOURCE), "-o", str(target), "-lm"],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode == 0:
                found.append(Binary(target, " ".join([name, *flags]), _version(place)))
            else:
                failure = f"{name} can't compile it: {(done.stderr.splitlines() or [''])[0]}"
    if not found:
        raise Missing(failure)
    return found


def _version(place: str) -> str:
    done = subprocess.run([place, "--version"], capture_output=True, text=True, check=False)
    return (done.stdout.splitlines() or [""])[0]


def arguments(facts: Mapping[str, Any], trajectories: int, steps: int) -> list[str]:
    """The command-line arguments of the loop for a problem; see loop.c."""
    values = [
        facts["name"], trajectories, steps, facts["seed"], facts["theta0"], facts["dt"], facts["noise"],
        facts.get("alpha", 0.0), facts.get("truncation", 0.0), *facts["eigenvalues"],
    ]  # fmt: skip
    return [str(v) for v in values]


def quickest(binaries: list[Binary], facts: Mapping[str, Any], wrap: Callable[..., Any]) -> Binary:
    """The binary with the least time on a small run of the problem; ``wrap`` runs a function on one core."""
    command = arguments(facts, 256, 1000)

    def seconds(binary: Binary) -> float:
        done = wrap(
            subprocess.run,
            [str(binary.path), *command],
            input="\n" * _TRIALS,
            capture_output=True,
            text=True,
            check=True,
        )
        return min(json.loads(line)["cpu_seconds"] for line in done.stdout.splitlines()[1:])

    return min(binaries, key=seconds)
