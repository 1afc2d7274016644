"""Problems E to G: two threads, saving, memory, and how soon the first result comes."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import sdesim

from . import compiler
from .contest import Arena, own_path
from .environments import Missing
from .problems import BASE, PROBLEMS
from .rows import Row
from .worker import Worker

_WELL = PROBLEMS["A"]
# Of what two C processes at once gain, so much should be gained by two threads.
_THREAD_SHARE = 0.95
# Two C processes that gain less than this are kept from their cores by something else.
_BUSY = 1.4
_SAVING, _GROWTH = {"memory": 1.10, "zarr": 1.05}, 1.10
_STRIDE = 100
_FIRST = (
    "import sdesim\n"
    "from sdesim import noise, surfaces\n"
    "run = sdesim.simulate(surfaces.DoubleWell(), noise.Gaussian(diffusion=0.05), dt=1e-3, steps=1000,"
    " trajectories=64, seed=7, progress=False)\n"
    "assert run['theta'].notnull().all()\n"
)
_HELP = "import sys; sys.argv = ['sdesim', '--help']; from sdesim.cli import main; main()"


def threads(arena: Arena) -> list[Row]:
    """Speed-up by two threads, beside what two C processes at once get through."""
    title = "two threads, problem A"
    if (os.cpu_count() or 1) < 2:
        return [Row("E", title, BASE, "×", note="this machine has one core")]
    size = {"trajectories": 4096, "steps": max(100, int(10_000 * arena.scale))}
    facts = {**_WELL.facts, **size, "variant": ""}
    workers: list[Worker] = []
    try:
        arena.say("E: starting sdesim with one and with two threads, and two C processes")
        for count in (1, 2):
            workers.append(arena.start("sdesim_loop.py", BASE, {**facts, "threads": count}, pinned=False))
        machine: list[float] = []
        try:
            command = [
                str(arena.binary(_WELL).path), *compiler.arguments(facts, size["trajectories"], size["steps"])
            ]  # fmt: skip
            loops = [Worker(command, arena.folder, pinned=False) for _ in range(2)]
            workers += loops
        except Missing as reason:
            loops, note = [], str(reason)
        ours: list[float] = []
        for turn in range(arena.rounds):
            arena.say(f"E: round {turn + 1} of {arena.rounds}")
            ours.append(workers[0].run()["seconds"] / workers[1].run()["seconds"])
            if loops:
                alone = loops[0].run()["seconds"]
                for loop in loops:
                    loop.ask()
                machine.append(2.0 * alone / max(loop.answer()["seconds"] for loop in loops))
    finally:
        for worker in workers:
            worker.close()
    if not machine:
        return [_spread("E", title, BASE, "×", ours, note=note)]
    shares = [a / b for a, b in zip(ours, machine, strict=True)]
    target = f"≥ {_THREAD_SHARE:.0%} of the machine's"
    busy = _median(machine) < _BUSY
    met = None if busy else _median(shares) >= _THREAD_SHARE
    note = "not judged: the other core is busy" if busy else ""
    return [
        _spread("E", title, BASE, "×", ours, shares, target, met, note),
        _spread("E", title, "two C processes", "×", machine, note="what the machine gives"),
    ]


def saving(arena: Arena) -> list[Row]:
    """Cost of a saved point every 100 steps over saving the two ends, in memory and to Zarr; and memory."""
    facts = {**_WELL.facts, "trajectories": 4096, "steps": max(200, int(20_000 * arena.scale))}
    workers: dict[tuple[str, int], Worker] = {}
    found: dict[tuple[str, int], list[float]] = {}
    try:
        for variant in ("memory", "zarr"):
            for stride in (0, _STRIDE):
                arena.say(f"F: starting sdesim, {variant}, {'points' if stride else 'ends'}")
                given = {**facts, "variant": variant, "stride": stride}
                workers[variant, stride] = arena.start("sdesim_saving.py", BASE, given)
                found[variant, stride] = []
        for turn in range(arena.rounds):
            arena.say(f"F: round {turn + 1} of {arena.rounds}")
            for key, worker in workers.items():
                # Disk and compressing threads count by the clock on the wall.
                clock = "seconds" if key[0] == "zarr" else "cpu_seconds"
                found[key].append(worker.run()[clock])
    finally:
        for worker in workers.values():
            worker.close()
    rows = []
    for variant, place in (("memory", "in memory"), ("zarr", "to Zarr")):
        ends, points = found[variant, 0], found[variant, _STRIDE]
        ratios = [a / b for a, b in zip(points, ends, strict=True)]
        met = _median(ratios) <= _SAVING[variant]
        name = f"a point every {_STRIDE} steps, {place}"
        rows.append(
            _spread(
                "F",
                "saving, by saving the ends only",
                name,
                "×",
                ratios,
                ratios,
                f"≤ {_SAVING[variant]:g} ×",
                met,
            )
        )
    return [*rows, *memory(arena)]


def memory(arena: Arena) -> list[Row]:
    """Peak resident size of a process that streams N and 10 N steps."""
    steps = max(100, int(10_000 * arena.scale))
    sizes = []
    for factor in (1, 10):
        arena.say(f"F: memory at {factor * steps:,} steps")
        given = {
            **_WELL.facts,
            "trajectories": 1024,
            "variant": "zarr",
            "stride": 10,
            "steps": factor * steps,
        }
        worker = arena.start("sdesim_saving.py", BASE, given)
        try:
            # One more step: the run itself came before the worker was ready.
            sizes.append(worker.run(steps=1)["peak_mb"])
        finally:
            worker.close()
    growth = sizes[1] / sizes[0]
    title = f"peak memory, streaming {steps:,} and {10 * steps:,} steps"
    target = "≤ 1.1 × as much for 10 × the steps"
    return [
        _spread("F", title, "short run", "MB", sizes[:1]),
        _spread("F", title, "long run", "MB", sizes[1:], [growth], target, growth <= _GROWTH),
    ]


def start_up(arena: Arena) -> list[Row]:
    """Wall time of whole processes: bare Python, the import, the help, and the first result."""
    copy = arena.folder / "copy"
    shutil.copytree(
        Path(sdesim.__file__).parent,
        copy / "sdesim",
        ignore=shutil.ignore_patterns("__pycache__", "_shipped"),
    )
    fresh = {"PYTHONPATH": str(copy), "XDG_CACHE_HOME": str(arena.folder / "cache")}
    here = {"PYTHONPATH": own_path()}
    arena.say("G: first result with nothing compiled")
    cold = [_process(["-c", _FIRST], fresh, without=("NUMBA_CACHE_DIR",))]
    times: dict[str, list[float]] = {}
    parts: Sequence[tuple[str, Callable[[], float]]] = (
        ("bare Python", lambda: _process(["-c", "pass"], {})),
        ("import sdesim", lambda: _process(["-c", "import sdesim"], here)),
        ("sdesim --help", lambda: _process(["-c", _HELP], here)),
        ("first result, kernels on disk", lambda: _process(["-c", _FIRST], fresh, ("NUMBA_CACHE_DIR",))),
    )
    for turn in range(arena.rounds):
        arena.say(f"G: round {turn + 1} of {arena.rounds}")
        for name, call in parts:
            times.setdefault(name, []).append(call())
    limits = {"import sdesim": 0.3, "sdesim --help": 0.3, "first result, kernels on disk": 1.2}
    rows = [
        _spread("G", "start-up", name, "s", found, *_within(found, limits.get(name)))
        for name, found in times.items()
    ]
    return [
        *rows,
        _spread("G", "start-up", "first result, nothing compiled", "s", cold, *_within(cold, 3.0)),
    ]


def _within(found: Sequence[float], limit: float | None) -> tuple[None, str, bool | None]:
    """(no ratio, target, met) of a time limit."""
    return None, "" if limit is None else f"≤ {limit:g} s", None if limit is None else _median(found) <= limit


def _process(arguments: list[str], environment: Mapping[str, str], without: Sequence[str] = ()) -> float:
    """Seconds from start to end of a Python process."""
    variables = {k: v for k, v in os.environ.items() if k not in without} | dict(environment)
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *arguments], env=variables, capture_output=True, text=True, check=False
    )
    took = time.perf_counter() - started
    if done.returncode != 0:
        raise Missing(f"a process that measures start-up failed: {(done.stderr.splitlines() or [''])[-1]}")
    return took


def _median(values: Sequence[float]) -> float:
    return float(statistics.median(values))


def _spread(
    problem: str,
    title: str,
    name: str,
    unit: str,
    values: Sequence[float],
    ratios: Sequence[float] | None = None,
    target: str = "",
    met: bool | None = None,
    note: str = "",
) -> Row:
    """A row from the values, and the ratios that a target is about, of all rounds."""
    return Row(
        problem=problem,
        title=title,
        name=name,
        unit=unit,
        value=_median(values),
        low=min(values),
        high=max(values),
        ratio=None if ratios is None else _median(ratios),
        ratio_low=None if ratios is None else min(ratios),
        ratio_high=None if ratios is None else max(ratios),
        target=target,
        met=met,
        note=note,
        details={"values": list(values)},
    )
