"""What watching a training costs, and how much memory it takes.

    python -m analysis.benchmarks.monitors [--seconds 60] [--out results]

Two copies of one network are trained in turn on one thread, a stretch of one and a stretch of the other: one
is watched at the default budget, the other is not. The cost has two parts. That of the hooks between readings
is in every stretch: the middle of the ratios of stretches beside each other is told, with the interval of a
middle of so many (order statistics), for the machine's own unrest is as large. That of reading is rare and
large: it is the monitor's own clock that tells its share. The watched copy's clock stands still in between.
A process of its own each, watched or not, tells the most memory held.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import binom
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from sdesim import training
from sdesim.networks import Conv, Transformer

_BUDGET, _STRETCH = 0.01, 0.25
_SHARES = ("all", "between")


@dataclass(frozen=True)
class Case:
    """A network in training.

    Attributes:
        title: for the table. make: a new module. batch: a batch (x, y). optimizer: of its parameters.
    """

    title: str
    make: Callable[[], nn.Module]
    batch: Callable[[], tuple[Tensor, Tensor]]
    optimizer: Callable[[Any], torch.optim.Optimizer]


def cases() -> list[Case]:
    """From 10⁴ to 10⁷ parameters."""

    def pictures(size: int, batch: int) -> Callable[[], tuple[Tensor, Tensor]]:
        return lambda: (torch.randn(batch, 1, size, size), torch.randint(10, (batch,)))

    def vectors() -> tuple[Tensor, Tensor]:
        return torch.randn(128, 64), torch.randint(10, (128,))

    def texts() -> tuple[Tensor, Tensor]:
        return torch.randint(2000, (8, 32)), torch.randint(2000, (8,))

    def dense() -> nn.Module:
        return nn.Sequential(nn.Linear(64, 128), nn.Tanh(), nn.Linear(128, 10))

    sgd: Callable[[Any], torch.optim.Optimizer] = lambda p: torch.optim.SGD(p, lr=1e-3)  # noqa: E731
    adamw: Callable[[Any], torch.optim.Optimizer] = lambda p: torch.optim.AdamW(p, lr=1e-4)  # noqa: E731
    return [
        Case("dense, 10 thousand", dense, vectors, sgd),
        Case(
            "convolution, half a million", lambda: Conv((1, 28, 28), 10, (32, 64), hidden=(128,)).make(),
            pictures(28, 64), sgd,
        ),
        Case(
            "transformer, 10 million",
            lambda: Transformer(2000, 32, 2000, width=384, heads=6, layers=5).make(), texts, adamw,
        ),
    ]  # fmt: skip


class Training:
    """One copy, trained in stretches."""

    def __init__(self, case: Case, *, watched: bool, budget: float | None = _BUDGET) -> None:
        torch.manual_seed(0)
        self._model = case.make().to(torch.float32)
        self.size = sum(p.numel() for p in self._model.parameters())
        self._batches = [case.batch() for _ in range(8)]
        self._optimizer = case.optimizer(self._model.parameters())
        self.monitor = training.watch(self._model, self._optimizer, budget=budget) if watched else None
        self._step = 0

    def go(self, steps: int) -> float:
        """Seconds of the processor that so many steps take."""
        began = time.process_time()
        for _ in range(steps):
            x, y = self._batches[self._step % len(self._batches)]
            self._optimizer.zero_grad()
            cross_entropy(self._model(x), y).backward()  # type: ignore[no-untyped-call]
            self._optimizer.step()
            self._step += 1
        return time.process_time() - began

    def pause(self) -> dict[str, Any]:
        """What the monitor knows, its clock with it."""
        return {} if self.monitor is None else self.monitor.state_dict()

    def resume(self, state: dict[str, Any]) -> None:
        """Let its clock go on from there."""
        if self.monitor is not None:
            self.monitor.load_state_dict(state)


def overhead(case: Case, seconds: float) -> dict[str, Any]:
    """What watching adds to stretches of steps, over so many seconds of both copies."""
    alone, watched = Training(case, watched=False), Training(case, watched=True)
    assert watched.monitor is not None
    # Once before, so that nothing is done for the first time.
    steps = max(2, math.ceil(_STRETCH / (alone.go(8) / 8)))
    watched.go(8)
    taken: dict[bool, list[float]] = {True: [], False: []}
    while sum(map(sum, taken.values())) < seconds:
        state = watched.pause()
        order = (alone, watched) if len(taken[True]) % 2 else (watched, alone)
        for copy in order:
            if copy is watched:
                watched.resume(state)
            taken[copy is watched].append(copy.go(steps))
    on, off = np.array(taken[True]), np.array(taken[False])
    ratios = np.sort(on / off - 1)
    count = len(ratios)
    least = int(binom.ppf(0.025, count, 0.5))
    drawn = np.random.default_rng(0).integers(count, size=(2000, count))
    sums = on[drawn].sum(axis=1) / off[drawn].sum(axis=1) - 1
    return {
        "network": case.title, "parameters": watched.size, "step": float(off.mean()) / steps,
        "between": float(np.median(ratios)),
        "between_interval": [float(ratios[max(0, least - 1)]), float(ratios[min(count - 1, count - least)])],
        "all": float(on.sum() / off.sum() - 1),
        "all_interval": [float(x) for x in np.quantile(sums, [0.025, 0.975])],
        "own_share": watched.monitor.cost["share"], "readings": len(watched.monitor.history),
        "steps": watched.monitor.step, "read_step": watched.monitor.cost["read_step"],
    }  # fmt: skip


def held(place: int, *, watched: bool) -> int:
    """Most bytes that a process of its own held while it trained, every step read where it is watched."""
    code = (
        "from analysis.benchmarks.monitors import peak;"
        f"print(peak({place}, {watched}))"
    )  # fmt: skip
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return int(told.stdout.split()[-1])


def peak(place: int, watched: bool) -> int:
    """As `held`, in this process."""
    torch.set_num_threads(1)
    Training(cases()[place], watched=watched, budget=None).go(6)
    # Of this program alone: what getrusage tells begins at what its parent held.
    told = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(told.split("VmHWM:")[1].split()[0]) * 1024


def table(rows: list[dict[str, Any]]) -> str:
    """As Markdown."""
    lines = [
        "CPU time of training steps at the default budget of 1% over those of the same training unwatched, "
        "in stretches beside each other, one thread, with 95% intervals: of all steps, and the middle "
        "stretch, which holds no reading. Memory is with every step read.",
        "",
        "| network | ms a step | all steps | between readings | reading, by its own clock | "
        "one read step, ms | steps to a reading | memory, MB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for r in rows:
        told = [f"{r[k]:+.2%} [{r[f'{k}_interval'][0]:+.2%}, {r[f'{k}_interval'][1]:+.2%}]" for k in _SHARES]
        lines.append(
            f"| {r['network']} ({r['parameters']:,}) | {1e3 * r['step']:.2f} | {' | '.join(told)} | "
            f"{r['own_share']:.2%} | {1e3 * r['read_step']:.2f} | "
            f"{r['steps'] / max(1, r['readings']):.0f} | {r['bytes'] * r['parameters'] / 2**20:.0f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print the table and write it with its numbers."""
    options = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    options.add_argument("--seconds", type=float, default=60.0)
    options.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    chosen = options.parse_args()
    torch.set_num_threads(1)
    rows = []
    for place, case in enumerate(cases()):
        row = overhead(case, chosen.seconds)
        more = held(place, watched=True) - held(place, watched=False)
        rows.append(row | {"bytes": more / row["parameters"]})
        print(table(rows[-1:]).splitlines()[-1])
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "monitors.md").write_text(table(rows), encoding="utf-8")
    (chosen.out / "monitors.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
