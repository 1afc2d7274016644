"""Kill a command at a random moment, go on with what it left, and so on until it has ended.

Commands are forks of a process that has loaded everything and run nothing, so that a trial costs its work and
no start; they are the command line itself. Checkpoints of simulations are made every 0.05 s, not every 10 s,
so that runs of a second go on from them.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import random
import shutil
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from .works import Work

# Kills of one folder, after which it is let end.
_MOST = 4
_BETWEEN = 0.05
# Seconds for processes to notice that they were ended.
_PATIENCE = 20.0
# They tell of times and places.
_SKIPPED = ("provenance.json", "report.html", "summary.json", "zarr.json", "progress.json")
_OF_NOW = ("wall_time", "points_run", "created", "probe_share", "digest")


def load() -> None:
    """Load what the commands use, before the forks."""
    modules = ("cli", "commands.verbs", "report", "scenario.resuming", "scenario.sweep.run", "training")
    for module in modules:
        importlib.import_module(f"sdesim.{module}")
    importlib.import_module("torch").set_num_threads(1)
    importlib.import_module("sdesim.engine.checkpoint")._SECONDS = _BETWEEN


def kill_until(
    name: str, work: Work, how: signal.Signals, kills: int, seed: int, room: Path
) -> dict[str, Any]:  # fmt: skip
    """Kill it so often, in as many folders as that takes.

    Returns:
        "kills" that met a running command, "folders" that were brought to their end, "same": how many of
        them hold the bits of one that was never stopped, "lost": why the others could not be gone on with,
        "differing": files of those that hold other bits,
        "left": processes that outlived their parent, "resumed": kills that left a checkpoint or finished
        points, "codes": exit codes of the killed.
    """
    rng = random.Random(f"{seed} {name} {how.name}")
    whole, took = _whole(work, room / "whole")
    found: Counter[str] = Counter()
    codes: Counter[int] = Counter()
    lost: list[str] = []
    differing: list[str] = []
    while found["kills"] < kills:
        folder = _fresh(work, room / "killed")
        problem = ""
        for _ in range(_MOST if kills - found["kills"] >= _MOST else kills - found["kills"]):
            code, hit, left = _killed(work, folder, how, rng.uniform(0, took), rng)
            found["left"] += left
            if not hit:
                problem = "" if code in (0, 1) else _said(folder)
                break
            found["kills"] += 1
            codes[code] += 1
            found["resumed"] += bool(
                [*folder.glob("out/*.checkpoint"), *folder.glob("out/*.parts/*"),
                 *folder.glob("out/points/*/summary.json")]
            )  # fmt: skip
        if not problem:
            ended = _end(_launch(_next(work, folder), folder))
            problem = "" if ended == 0 else f"exit code {ended}: {_said(folder)}"
        found["folders"] += 1
        if problem:
            lost.append(problem)
        else:
            held = _contents(folder / "out")
            apart = sorted(name for name in {*held, *whole} if held.get(name) != whole.get(name))
            found["same"] += not apart
            differing += apart
    counts = {key: found[key] for key in ("kills", "folders", "same", "resumed", "left")}
    told = {"lost": lost, "differing": differing, "codes": dict(codes), "seconds": took}
    return {"work": name, "signal": how.name, **counts, **told}


def _whole(work: Work, folder: Path) -> tuple[dict[str, str], float]:
    """What it comes to when nothing happens, and how long that takes; the second time, all being compiled."""
    for _ in range(2):
        began = time.monotonic()
        code = _end(_launch(_next(work, _fresh(work, folder)), folder))
        took = time.monotonic() - began
        if code != 0:
            raise RuntimeError(f"a run that nobody killed ended with {code}: {_said(folder)}")
    return _contents(folder / "out"), took


def _fresh(work: Work, folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "scenario.yaml").write_text(work.text, encoding="utf-8")
    return folder


def _next(work: Work, folder: Path) -> Sequence[str]:
    """What a user would type now."""
    out = folder / "out"
    # A folder that does not hold its scenario yet is begun again.
    return work.resume if any(out.glob("**/scenario.yaml")) else work.begin


def _killed(
    work: Work, folder: Path, how: signal.Signals, after: float, rng: random.Random
) -> tuple[int, bool, int]:  # fmt: skip
    """Exit code, whether the signal met it running, and how many processes outlived it."""
    pid = _launch(_next(work, folder), folder)
    time.sleep(after)
    below = _children(pid)
    # One of the workers may be what the system picks; the others go on, and the sweep with them.
    worker = work.workers and below and how is signal.SIGKILL and rng.random() < 0.5
    with suppress(ProcessLookupError):
        os.kill(rng.choice(below) if worker else pid, how)
    code = _end(pid)
    # SIGKILL shows in the code of what it killed; one that ends in good order says 3.
    hit = code in (-how, 3) or bool(worker and code != 0)
    until = time.monotonic() + _PATIENCE
    while any(map(_runs, below)) and time.monotonic() < until:
        time.sleep(0.01)
    return code, hit, sum(map(_runs, below))


def _launch(arguments: Sequence[str], folder: Path) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    here, pid = os.getpid(), os.fork()
    if pid == 0:
        threading.Thread(target=_end_with, args=(here,), daemon=True).start()
        _be(arguments, folder)
    return pid


def _end_with(parent: int) -> None:
    """Whoever ends the study has ended its forks."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(98)


def _be(arguments: Sequence[str], folder: Path) -> NoReturn:
    """Be that command from here on."""
    code = 99
    try:
        os.chdir(folder)
        said = os.open("said.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(said, 1)
        os.dup2(said, 2)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        sys.argv = ["sdesim", *arguments]
        from sdesim import cli

        try:
            cli.main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        except BaseException:
            import traceback

            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _end(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _children(pid: int) -> list[int]:
    """Processes below it that make calls, not the one that counts its files."""
    found = []
    with suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            with suppress(OSError):
                if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                    found.append(int(child))
    return found


def _runs(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def _said(folder: Path) -> str:
    return (folder / "said.txt").read_text(encoding="utf-8").strip()


def _contents(out: Path) -> dict[str, str]:
    """Digests of all that does not tell of time and place, and the numbers of the summaries."""
    files = [p for p in sorted(out.rglob("*")) if p.is_file()]
    found = {
        str(p.relative_to(out)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in files
        if p.name not in _SKIPPED
    }
    for path in files:
        if path.name == "summary.json":
            numbers = _timeless(json.loads(path.read_text(encoding="utf-8")))
            found[str(path.relative_to(out))] = json.dumps(numbers, sort_keys=True)
    return found


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _timeless(v) for k, v in value.items() if k not in _OF_NOW}
    return [_timeless(v) for v in value] if isinstance(value, list) else value
