"""Problems A to D, I and J: all contestants of a problem at once, one run each in turn, round after round."""

from __future__ import annotations

import json
import os
import statistics
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import sdesim

from . import compiler
from .environments import Missing, environment
from .problems import BASE, CONTESTANTS, PROBLEMS, Contestant, Problem
from .rows import Row, missing_row
from .worker import Worker, on_one_core

_SCRIPTS = Path(__file__).parent / "contestants"
# Five standard errors (false alarms below 1e-6), and 1% for the bias of another scheme or of a rough start.
_SIGMAS, _SLACK = 5.0, 0.01
Say = Callable[[str], None]


@dataclass
class Entry:
    """A contestant, its process, its size and its results so far."""

    contestant: Contestant
    worker: Worker
    trajectories: int
    steps: int
    results: list[dict[str, Any]]


class Arena:
    """What the contests share: a folder for binaries and data, the rounds and the scale of the sizes."""

    def __init__(self, folder: Path, rounds: int, scale: float, peers: bool, say: Say) -> None:
        self.folder, self.rounds, self.scale, self.peers, self.say = folder, rounds, scale, peers, say
        self._binaries: list[compiler.Binary] | None = None
        self.versions: dict[str, str] = {}
        self.compilers: dict[str, str] = {}

    def contest(self, key: str) -> list[Row]:
        """Time one problem; rows in the order of `CONTESTANTS`."""
        problem = PROBLEMS[key]
        entries, rows = [], {}
        for contestant in (c for c in CONTESTANTS if c.problem == key):
            if contestant.environment not in (BASE, "c") and not self.peers:
                continue
            try:
                self.say(f"{key}: starting {contestant.name}")
                entries.append(self._enter(problem, contestant))
            except Missing as reason:
                if contestant.name == BASE:
                    raise
                rows[contestant.name] = missing_row(problem, contestant, str(reason))
                self.say(f"{key}: {contestant.name}: {reason}")
        try:
            for turn in range(self.rounds):
                self.say(f"{key}: round {turn + 1} of {self.rounds}")
                # Every other round backwards, so that none always follows the same one.
                for entry in entries if turn % 2 == 0 else entries[::-1]:
                    entry.results.append(entry.worker.run())
            base = entries[0]
            for entry in entries:
                named = [e for e in entries if e.contestant.name == entry.contestant.against]
                rows[entry.contestant.name] = self._row(problem, entry, base, *named)
        finally:
            for entry in entries:
                entry.worker.close()
        return [rows[c.name] for c in CONTESTANTS if c.problem == key and c.name in rows]

    def _enter(self, problem: Problem, contestant: Contestant) -> Entry:
        # Blocks of 64 trajectories and even steps, which the C loop asks for; few steps are left as they are.
        steps = (
            max(2, int(contestant.steps * self.scale) // 2 * 2) if contestant.steps > 64 else contestant.steps
        )
        trajectories = contestant.trajectories
        if self.scale < 0.1 and trajectories > 256:
            trajectories = 256
        facts = {**problem.facts, "trajectories": trajectories, "steps": steps, "variant": contestant.variant}
        if problem.key == "D":
            facts["data"] = str(self._data(problem))
        if contestant.environment == "c":
            binary = self.binary(problem)
            worker = Worker([str(binary.path), *compiler.arguments(facts, trajectories, steps)], self.folder)
            self.compilers[problem.key] = f"{binary.command} ({binary.compiler})"
        else:
            worker = self.start(contestant.script, contestant.environment, facts)
        self.versions |= worker.versions
        return Entry(contestant, worker, trajectories, steps, [])

    def start(self, script: str, name: str, facts: dict[str, Any], pinned: bool = True) -> Worker:
        """A contestant written in Python, by sdesim's own interpreter or by that of its environment.

        Raises:
            Missing: its environment can't be made, or it fails.
        """
        python, variables = sys.executable, {"PYTHONPATH": own_path()}
        if name != BASE:
            python, variables = str(environment(name, self.say)), {}
        return Worker([python, str(_SCRIPTS / script), json.dumps(facts)], self.folder, variables, pinned)

    def binary(self, problem: Problem) -> compiler.Binary:
        """The quickest C loop for a problem.

        Raises:
            Missing: there is no compiler.
        """
        if self._binaries is None:
            self._binaries = compiler.compile_all(self.folder)
        return compiler.quickest(self._binaries, problem.facts, on_one_core)

    def _data(self, problem: Problem) -> Path:
        """Digits and a starting network, the same for all."""
        path = self.folder / "digits.npz"
        if not path.exists():
            digits = sdesim.data.digits(train=1000, seed=0)
            network = sdesim.surfaces.MLP(
                problem.facts["widths"], digits.x_train, digits.y_train, "tanh", "cross_entropy", seed=0
            )
            np.savez(path, x=digits.x_train, y=digits.y_train, start=network.start)
        return path

    def _row(self, problem: Problem, entry: Entry, base: Entry, against: Entry | None = None) -> Row:
        costs, base_costs = _costs(problem, entry), _costs(problem, base)
        ratios = [a / b for a, b in zip(costs, base_costs, strict=True)]
        contestant = entry.contestant
        is_base = contestant.name == BASE
        note = "; ".join(
            n for n in (contestant.note, "" if is_base else other_law(problem, entry, base)) if n
        )
        ratio = statistics.median(ratios)
        return Row(
            problem=problem.key,
            title=problem.title,
            name=contestant.name,
            unit=problem.unit,
            value=statistics.median(costs),
            low=min(costs),
            high=max(costs),
            ratio=None if is_base else ratio,
            ratio_low=None if is_base else min(ratios),
            ratio_high=None if is_base else max(ratios),
            target=contestant.promise,
            least=contestant.least,
            met=_kept(contestant, costs, ratio, [] if against is None else _costs(problem, against)),
            note=note,
            details={
                "trajectories": entry.trajectories,
                "steps": entry.steps,
                "costs": costs,
                "wall_costs": _costs(problem, entry, "seconds"),
                **{k: v for k, v in entry.results[-1].items() if k in ("mean_square", "moment")},
            },
        )


def own_path() -> str:
    """PYTHONPATH with which a process imports the sdesim that is running here."""
    folder = str(Path(sdesim.__file__).resolve().parent.parent)
    return os.pathsep.join([folder, *filter(None, [os.environ.get("PYTHONPATH")])])


def _kept(contestant: Contestant, costs: list[float], ratio: float, against: list[float]) -> bool | None:
    """Whether what is promised of a contestant holds; None where nothing is, or who it is held against is not
    there."""
    if contestant.most is not None:
        return statistics.median(costs) <= contestant.most
    if contestant.most_ratio is not None:
        shares = [a / b for a, b in zip(costs, against, strict=False)]
        return statistics.median(shares) <= contestant.most_ratio if shares else None
    return None if contestant.least is None else ratio >= contestant.least


def other_law(problem: Problem, entry: Entry, base: Entry) -> str:
    """A warning where the states of a contestant are not distributed as sdesim's after as many steps."""
    theirs = entry.results[-1]
    if not problem.compared:
        return ""
    ours = base.worker.run(steps=entry.steps)
    error = np.hypot(theirs["moment_error"], ours["moment_error"])
    allowed = _SIGMAS * error + _SLACK * ours["moment"]
    if abs(theirs["moment"] - ours["moment"]) <= allowed:
        return ""
    reach = problem.facts.get("reach", 1.0)
    return f"another law: E min(|x − x₀|, {reach:g}) is {theirs['moment']:.4f}, sdesim's {ours['moment']:.4f}"


def _costs(problem: Problem, entry: Entry, clock: str = "cpu_seconds") -> list[float]:
    """Cost of one update in each round, in the problem's unit.

    CPU time equals wall time for one thread on a core of its own, and leaves out what others take from it.
    """
    updates = problem.updates(entry.trajectories, entry.steps)
    return [r[clock] * problem.per_second / updates for r in entry.results]


def contests(arena: Arena, keys: Sequence[str]) -> Iterable[Row]:
    """Rows of the problems asked for by ``keys``."""
    for key, problem in PROBLEMS.items():
        if problem.asked in keys:
            yield from arena.contest(key)
