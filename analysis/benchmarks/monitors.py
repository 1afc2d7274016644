"""What watching a training costs, and how much memory it takes.

    python -m analysis.benchmarks.monitors [--rounds 12] [--seconds 2] [--out results]

Two copies of one network are trained in turn, a stretch of one and a stretch of the other: one is watched at
the default budget, the other is not. A stretch's time over its steps is compared with that of the stretch
beside it; the middle of these ratios is told, with the interval of a middle of so many (order statistics),
for the machine's own unrest is as large as the cost. The watched copy's clock stands still in between. A
process of its own each, watched or not, tells the most memory held.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from scipy.stats import binom
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from sdesim import training
from sdesim.networks import Conv, Transformer

_GOAL, _BUDGET = 0.01, 0.01


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

    def __init__(self, case: Case, *, watched: bool) -> None:
        torch.manual_seed(0)
        self._model = case.make().to(torch.float32)
        self.size = sum(p.numel() for p in self._model.parameters())
        self._batches = [case.batch() for _ in range(8)]
        self._optimizer = case.optimizer(self._model.parameters())
        self.monitor = training.watch(self._model, self._optimizer, budget=_BUDGET) if watched else None
        self._step = 0

    def go(self, steps: int) -> float:
        """Seconds of so many steps."""
        began = time.perf_counter()
        for _ in range(steps):
            x, y = self._batches[self._step % len(self._batches)]
            self._optimizer.zero_grad()
            cross_entropy(self._model(x), y).backward()  # type: ignore[no-untyped-call]
            self._optimizer.step()
            self._step += 1
        return time.perf_counter() - began

    def pause(self) -> dict[str, Any]:
        """What the monitor knows, its clock with it."""
        return {} if self.monitor is None else self.monitor.state_dict()

    def resume(self, state: dict[str, Any]) -> None:
        """Let its clock go on from there."""
        if self.monitor is not None:
            self.monitor.load_state_dict(state)


def overhead(case: Case, rounds: int, seconds: float) -> dict[str, Any]:
    """Ratios of stretches beside each other, watched over not."""
    alone, watched = Training(case, watched=False), Training(case, watched=True)
    assert watched.monitor is not None
    # Once before, so that nothing is done for the first time.
    steps = max(8, math.ceil(seconds / (alone.go(8) / 8)))
    watched.go(8)
    ratios = []
    for k in range(rounds):
        state = watched.pause()
        first, second = (alone, watched) if k % 2 else (watched, alone)
        taken = {}
        for copy in (first, second):
            if copy is watched:
                watched.resume(state)
            taken[copy is watched] = copy.go(steps)
        ratios.append(taken[True] / taken[False] - 1)
        alone_step = taken[False] / steps
    ratios.sort()
    least = int(binom.ppf(0.025, rounds, 0.5))
    return {
        "network": case.title, "parameters": watched.size, "step": alone_step,
        "overhead": 0.5 * (ratios[(rounds - 1) // 2] + ratios[rounds // 2]),
        "low": ratios[max(0, least - 1)], "high": ratios[min(rounds - 1, rounds - least)],
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
    global _BUDGET
    torch.set_num_threads(1)
    _BUDGET = None  # type: ignore[assignment]
    Training(cases()[place], watched=watched).go(6)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def table(rows: list[dict[str, Any]]) -> str:
    """As Markdown."""
    lines = [
        "Time of a training step at the default budget of 1%, against the same training unwatched in "
        "stretches beside each other, one thread: the middle ratio and its 95% interval. Memory: every step "
        "read.",
        "",
        "| network | ms a step | overhead | by its own clock | one read step, ms | steps to a reading | "
        "bytes a parameter |",
        "|---|---|---|---|---|---|---|",
    ]
    for r in rows:
        every = r["steps"] / max(1, r["readings"])
        lines.append(
            f"| {r['network']} ({r['parameters']:,}) | {1e3 * r['step']:.2f} | {r['overhead']:+.2%} "
            f"[{r['low']:+.2%}, {r['high']:+.2%}] | {r['own_share']:.2%} | {1e3 * r['read_step']:.2f} | "
            f"{every:.0f} | {r['bytes']:.1f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print the table and write it with its numbers."""
    options = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    options.add_argument("--rounds", type=int, default=12)
    options.add_argument("--seconds", type=float, default=2.0)
    options.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    chosen = options.parse_args()
    torch.set_num_threads(1)
    rows = []
    for place, case in enumerate(cases()):
        row = overhead(case, chosen.rounds, chosen.seconds)
        more = held(place, watched=True) - held(place, watched=False)
        rows.append(row | {"bytes": more / row["parameters"]})
        print(table(rows[-1:]).splitlines()[-1])
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "monitors.md").write_text(table(rows), encoding="utf-8")
    (chosen.out / "monitors.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
