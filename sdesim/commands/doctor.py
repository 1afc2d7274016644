"""The verb that looks at the machine and the installation: doctor."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import typer

from sdesim.commands.options import OK, JsonOption
from sdesim.commands.printing import make_console, print_json, say

GOOD, SLOW, MISSING = "good", "slow", "missing"
_COLOURS = {GOOD: "green", SLOW: "yellow", MISSING: "dim"}
_GIGABYTE = 1e9
_LITTLE_MEMORY = 2 * _GIGABYTE
_LITTLE_DISK = 5 * _GIGABYTE
# By how much a step may cost more than in the shipped table before it is called slow.
_MUCH_SLOWER = 2.0
_SIZES = {"trajectories": 4096, "steps": 10_000}


@dataclass(frozen=True)
class Finding:
    """What was looked at.

    Attributes:
        name: of what.
        state: "good", "slow", or "missing" for an extra that is not installed.
        found: what is there.
        why: what is slow about it and what to do; empty where nothing is.
    """

    name: str
    state: str
    found: str
    why: str = ""


def doctor(as_json: JsonOption = False) -> None:
    """Say what this machine has, and what on it is slow and why."""
    found = []
    console = make_console()
    width = max(map(len, _LOOKS)) + 2
    for name, look in _LOOKS.items():
        state, text, why = look()
        found.append(Finding(name, state, text, why))
        if not as_json:
            mark = {GOOD: "✓", SLOW: "!", MISSING: "–"}[state]
            say(console, text, label=f"{mark} {name:<{width}}", label_style=_COLOURS[state])
            if why:
                say(console, why, _COLOURS[state], " " * (width + 2))
    if as_json:
        print_json({"findings": [asdict(f) for f in found]})
    else:
        slow = [f.name for f in found if f.state == SLOW]
        print()
        say(console, f"slow: {', '.join(slow)}" if slow else "Nothing here makes sdesim slow.", "bold")
    raise typer.Exit(OK)


Looked = tuple[str, str, str]


def _versions() -> Looked:
    from sdesim.runs.provenance import host, versions

    found, here = versions(), host()
    text = f"sdesim {found.get('sdesim', 'not installed')}, Python {found['python']}, numba {found['numba']}"
    return GOOD, f"{text}; {here['processor'] or here['machine']}, {here['system']}", ""


def _cores() -> Looked:
    cores, usable = os.cpu_count() or 1, usable_cores()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    free = max(0.0, usable - load)
    text = f"{free:.1f} of {usable:g} free (load {load:.1f})"
    if usable < cores:
        number = max(1, int(usable))
        return SLOW, text, (
            f"simulated arms take {cores} threads and {usable:g} run at a time: give --threads {number}"
        )  # fmt: skip
    if free < usable / 2:
        return SLOW, text, "other processes take most of the machine; a run takes that much longer"
    return GOOD, text, ""


def usable_cores() -> float:
    """Cores that this process may use: those it is bound to, within the quota of its control group."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        return min(float(bound), float(quota) / float(period))
    except (OSError, ValueError):
        return float(bound)


def _vector_math() -> Looked:
    from llvmlite import binding

    settings = _numba()

    features = dict(binding.get_host_cpu_features())
    widths = {"avx512f": 512, "avx2": 256, "neon": 128, "sse2": 128}
    name, bits = next(((n, b) for n, b in widths.items() if features.get(n)), ("none", 64))
    text = f"{name}, {bits} bits: {bits // 64} numbers at a time"
    text += ", fused multiply-add" if features.get("fma") or name == "neon" else ""
    if settings.DISABLE_JIT:
        return SLOW, text, "NUMBA_DISABLE_JIT is set: kernels run as Python, hundreds of times slower"
    if settings.CPU_NAME == "generic" or settings.CPU_FEATURES is not None:
        return SLOW, text, "NUMBA_CPU_NAME or NUMBA_CPU_FEATURES keeps the compiler from using all of it"
    if bits < 256 and name != "neon":
        return SLOW, text, "this processor computes two numbers at a time, where others compute four or eight"
    return GOOD, text, ""


def _numba() -> Any:
    """What Numba has read of its environment; its types don't know these names."""
    return import_module("numba.core.config")


def _kernels() -> Looked:
    from sdesim.compiled.generated import cache_folder

    folder = cache_folder()
    files = [f for f in folder.rglob("*") if f.is_file()]
    size = sum(f.stat().st_size for f in files)
    text = f"{size / 1e6:,.0f} MB in {folder}"
    if not os.access(folder, os.W_OK) or "sdesim-kernels-" in folder.name:
        return SLOW, text, "the user's cache folder can't be written, so every process compiles anew"
    if not files:
        return GOOD, f"{text}; the first run of each kind compiles for some seconds", ""
    return GOOD, text, ""


def _speed() -> Looked:
    import json

    from sdesim import noise, simulate, surfaces
    from sdesim.shipped import shipped_folder

    if _numba().DISABLE_JIT:
        return SLOW, "not measured", "kernels run as Python"

    def seconds(clock: Callable[[], float]) -> float:
        begun = clock()
        simulate(
            surfaces.DoubleWell(barrier=0.25), [noise.Gaussian(diffusion=0.05)], theta0=-1.0, dt=1e-3, seed=7,
            scheme="euler-maruyama", threads=1, save_every=_SIZES["steps"], progress=False, **_SIZES,
        )  # fmt: skip
        return clock() - begun

    first = seconds(time.perf_counter)
    cost = (
        min(seconds(time.process_time) for _ in range(3)) * 1e9 / (_SIZES["trajectories"] * _SIZES["steps"])
    )
    stored = shipped_folder("analysis", "benchmarks") / "results" / "bench.json"
    shipped = json.loads(stored.read_text(encoding="utf-8"))
    row = next(r for r in shipped["rows"] if (r["problem"], r["name"]) == ("A", "sdesim"))
    text = f"{cost:.2f} ns a step of the double well on one core, the first result after {first:.1f} s; "
    text += f"{row['value']:.2f} ns on the {shipped['host']['processor']} of the shipped table"
    if cost > _MUCH_SLOWER * row["value"]:
        why = f"{cost / row['value']:.1f} times the shipped figure: an older or a busy processor"
        return SLOW, text, why
    return GOOD, text, ""


def _memory() -> Looked:
    from sdesim.io.memory import available_memory

    size, disk = available_memory(), shutil.disk_usage(Path.cwd()).free
    text = f"{size / _GIGABYTE:.1f} GB free, {disk / _GIGABYTE:.0f} GB of disk here"
    if size < _LITTLE_MEMORY:
        return (
            SLOW,
            text,
            "large ensembles and networks are refused or swap: fewer trajectories, larger save_every",
        )
    if disk < _LITTLE_DISK:
        return SLOW, text, "long runs may fill the disk: a larger save_every, or --out elsewhere"
    return GOOD, text, ""


def _torch() -> Looked:
    from sdesim.runs.provenance import versions

    version = versions().get("torch")
    if version is None:
        return MISSING, "not installed: real networks can't be trained (pip install 'sdesim[torch]')", ""
    try:
        import_module("torch")
    except (ImportError, OSError) as error:
        return MISSING, f"{version} can't be imported: {error}", ""
    return GOOD, f"{version}; real networks train on the CPU, one thread a seed", ""


def _dask() -> Looked:
    from importlib import metadata

    try:
        return GOOD, f"distributed {metadata.version('distributed')}", ""
    except metadata.PackageNotFoundError:
        return MISSING, "not installed: only sweep --scheduler needs it (pip install 'sdesim[dask]')", ""


_LOOKS: dict[str, Callable[[], Looked]] = {
    "versions": _versions,
    "cores": _cores,
    "memory": _memory,
    "vector math": _vector_math,
    "kernel cache": _kernels,
    "speed": _speed,
    "torch": _torch,
    "dask": _dask,
}
