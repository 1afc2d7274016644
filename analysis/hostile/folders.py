"""Folders that something has damaged, given to every verb that reads them."""

from __future__ import annotations

import functools
import json
import operator
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .damage import damage
from .handmade import BASES
from .outcome import LETTERS, LINES, Said, called

_NAME = "out"
# Small ones, whose work is short beside what reads them.
_SCENARIOS = {
    "simulated": """name: simulated
seed: 1
arms:
  a:
    simulate:
      surface: {kind: double-well, barrier: 0.25}
      noise: [{kind: gaussian, diffusion: 0.1}, {kind: stable, alpha: 1.5, scale: 0.05}]
      dt: 0.01
      steps: 100_000
      trajectories: 4
      save_every: 100
      observe: {x: {kind: coordinate}}
      events: [{kind: exit, upper: 2}]
      reduce: [{kind: moments, order: 2}]
expect: [{arm: a, quantity: exit_time.mean, above: 0, why: words}]
""",
    "trained": """name: trained
seed: 2
arms:
  real:
    train:
      data: {kind: digits, train: 40, test: 20}
      network: {kind: mlp, widths: [64, 2, 10]}
      optimizer: {kind: sgd, lr: 0.1, batch_size: 10}
      steps: 8
      trajectories: 2
      save_every: 2
  twin:
    simulate: {twin_of: real, noise: [{kind: gaussian, match: trace}]}
probes: {every: 8, samples: 4}
compare: {reference: real, quantities: [loss]}
""",
    "swept": BASES["swept"],
}
# What differs between two runs of the same numbers.
_OF_NOW = ("wall_time", "report", "directory", "probe_share", "points_run")


@dataclass(frozen=True)
class Base:
    """A folder that was made whole or was interrupted.

    Attributes:
        folder: which holds it under the name `out`.
        begun: each variable of each run that it holds. numbers: of those that it comes to hold when it is
            gone on with.
        verbs: command lines that read it.
        said: what they say of it undamaged.
    """

    folder: Path
    begun: dict[str, Any]
    numbers: dict[str, Any]
    verbs: tuple[tuple[str, ...], ...]
    said: dict[tuple[str, ...], str]


_READING = (("show", _NAME, "--json"), ("show", _NAME), ("report", _NAME, "--json"))
_SHOWN = {"finished": _READING, "interrupted": _READING[:2]}
_RESUME = ("resume", _NAME, "--json")
_VERBS = {
    "finished": (*_READING, _RESUME, ("rerun", _NAME, "--check", "--json")),
    "interrupted": (*_READING[:2], _RESUME),
}
_SWEEP = ("sweep", "scenario.yaml", "--out", _NAME, "--resume", "--json")


def bases(room: Path) -> dict[str, Base]:
    """A simulation, a training with its twin and a sweep, finished and interrupted."""
    made = {}
    for name, text in _SCENARIOS.items():
        for state in ("finished", "interrupted"):
            folder = room / f"{name} {state}"
            folder.mkdir(parents=True)
            (folder / "scenario.yaml").write_text(text, encoding="utf-8")
            verbs = _VERBS[state] if name != "swept" else (*_SHOWN[state], _SWEEP)
            if state == "interrupted":
                interrupted(folder, name == "swept")
            else:
                verb = "sweep" if name == "swept" else "run"
                assert called(folder, [verb, "scenario.yaml", "--out", _NAME, "--quiet"]).code in (0, 1)
            made[f"{name}, {state}"] = _based(folder, verbs, room / "trial")
    return made


def _based(folder: Path, verbs: tuple[tuple[str, ...], ...], trial: Path) -> Base:
    said = {}
    shutil.copytree(folder, trial, symlinks=True)
    for verb in verbs:
        answer = called(trial, list(verb))
        assert answer.code in (0, 1), (verb, answer)
        said[verb] = _plain(answer.out, trial)
    held = numbers(trial / _NAME)
    shutil.rmtree(trial)
    return Base(folder, numbers(folder / _NAME), held, verbs, said)


def interrupted(folder: Path, swept: bool) -> None:
    """Leave a folder as a command leaves it that was interrupted in the middle, with a checkpoint."""
    import sdesim.engine.checkpoint as saved
    from sdesim.scenario import load_scenario, load_sweep, run_scenario, run_sweep

    def stop(label: str, done: int, total: int) -> None:
        if 2 * done >= total:
            raise KeyboardInterrupt

    # Checkpoints of simulations are otherwise ten seconds apart.
    before, saved._SECONDS = saved._SECONDS, 0.0
    try:
        if swept:
            run_sweep(load_sweep(folder / "scenario.yaml"), folder / _NAME, progress=stop)
        else:
            run_scenario(load_scenario(folder / "scenario.yaml"), folder / _NAME, progress=stop)
    except KeyboardInterrupt:
        pass
    finally:
        saved._SECONDS = before


def numbers(folder: Path) -> dict[str, Any]:
    """Every variable of every run below a folder.

    Raises:
        RunError: what can't be read.
    """
    from sdesim.runs import open_run

    found = {}
    for path in sorted(p for p in folder.rglob("*.zarr") if p.is_dir()):
        run = open_run(path)
        for name in run.variables:
            found[f"{path.relative_to(folder)} {name}"] = run[name].values
    return found


def _plain(text: str, folder: Path) -> str:
    """What was said, without what is of the moment or the place."""
    text = text.replace(str(folder), "")
    try:
        return json.dumps(_timeless(json.loads(text)), sort_keys=True)
    except ValueError:
        return text


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(part) for key, part in value.items() if key not in _OF_NOW}
    return [_timeless(part) for part in value] if isinstance(value, list) else value


def outcome(base: Base, verb: tuple[str, ...], folder: Path) -> tuple[str, str]:
    """What a verb makes of a damaged folder.

    Returns:
        "told": refused in a line; "differs": told that numbers are not those of the scenario; "unharmed":
        what it says is what it says of the folder undamaged; or "fault". With what was said or is wrong.
    """
    answer = called(folder, list(verb))
    wrong = _judged(answer)
    if wrong:
        return "fault", wrong
    if answer.code == 2:
        return "told", answer.err.strip()
    if verb[0] == "rerun" and answer.code == 1:
        return "differs", ""
    if _plain(answer.out, folder) != base.said[verb]:
        return "fault", f"says something else: {_unlike(_plain(answer.out, folder), base.said[verb])}"
    return "unharmed", ""


def _unlike(one: str, other: str) -> str:
    alike = (a == b for a, b in zip(one, other, strict=False))
    at = next((k for k, same in enumerate(alike) if not same), min(len(one), len(other)))
    return f"{one[max(0, at - 60) : at + 60]!r} for {other[max(0, at - 60) : at + 60]!r}"


def _judged(answer: Said) -> str:
    """What is wrong about an answer whatever the damage was; empty where nothing is."""
    if answer.fault:
        return answer.fault
    if answer.code not in (0, 1, 2):
        return f"exit status {answer.code}"
    told = (answer.err if answer.code == 2 else answer.err + answer.out).removesuffix("\n").split("\n")
    if any(not line.isprintable() for line in told):
        return "characters that are not printable"
    if answer.code == 2 and (answer.out or len(told) > LINES or any(len(line) > LETTERS for line in told)):
        return f"{len(told)} lines, the longest of {max(map(len, told))} letters: {told[0][:LETTERS]}"
    return ""


def opened(base: Base, folder: Path) -> tuple[str, str]:
    """As `outcome`, of every number of every run being read in Python."""
    from sdesim.errors import SdesimError

    try:
        found = numbers(folder / _NAME)
    except SdesimError as error:
        text = str(error)
        return ("told", text) if text.isprintable() and len(text) <= LETTERS else ("fault", text[:300])
    except Exception as error:
        return "fault", f"{type(error).__name__}: {str(error)[:200]}"
    known = [(held, base.numbers.get(name), base.begun.get(name), name) for name, held in found.items()]
    wrong = next((name for held, end, begun, name in known if not _written(held, end, begun)), None)
    return ("unharmed", "") if wrong is None else ("fault", f"other numbers are read: {wrong}")


def _written(held: Any, end: Any, begun: Any) -> bool:
    """Whether each number is that of the run at its end, or when it was interrupted."""
    alike = [
        (held == known) | ((held != held) & (known != known))
        for known in (end, begun)
        if known is not None and known.shape == held.shape and known.dtype == held.dtype
    ]
    return bool(alike) and bool(functools.reduce(operator.or_, alike).all())


def damaged(count: int, first: int, room: Path) -> Iterator[tuple[str, str, str, str]]:
    """Folder by folder, each with one damage, what each verb makes of it.

    Yields:
        number, base and damage; the verb; kind of outcome; what was said or is wrong.
    """
    whole = bases(room / "whole")
    folder = room / "damaged"
    for number in range(first, first + count):
        draw = random.Random(number)
        name = draw.choice(sorted(whole))
        base = whole[name]
        shutil.copytree(base.folder, folder, symlinks=True)
        label = f"{number}, {name}, {damage(folder / _NAME, draw)}"
        # Each folder is read by Python and by two of the verbs.
        for verb in draw.sample(base.verbs, min(2, len(base.verbs))):
            trial = room / "trial"
            shutil.copytree(folder, trial, symlinks=True)
            yield label, verb[0], *outcome(base, verb, trial)
            if verb[0] in ("resume", "sweep"):
                # What it has finished holds the numbers of what was never damaged, or says that it does not.
                yield label, "open after resume", *opened(base, trial)
            shutil.rmtree(trial)
        yield label, "open", *opened(base, folder)
        shutil.rmtree(folder)
