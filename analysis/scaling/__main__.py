"""``python -m analysis.scaling [--efficiency SECONDS] [--out DIR]``: how one ensemble scales.

With --efficiency, two workers are compared with two threads of one process on so many seconds of work, on a
machine with two cores that nothing else uses. Without, the scheduler is simulated for 10⁹ trajectories.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from sdesim.engine.cluster.blocks import TASK, block_size
from sdesim.io.files import atomic_write_json, atomic_write_text

from .efficiency import compared
from .measured import block_bytes, seconds_each, task_seconds
from .queue import simulated

# Of a message, between blocks of the same length, and until a worker has loaded what it needs.
_LATENCY, _SPREAD, _START = 1e-3, 0.1, 5.0
_TRAJECTORIES = 10**9


class _Shape:
    """What the size of a block looks at."""

    dim = 1

    def __init__(self, trajectories: int) -> None:
        self.trajectories = trajectories


def row(steps: int, cores: int, each: float, task: float, price: float, lasting: float | None = None) -> Any:
    """What an ensemble takes.

    Args:
        each: seconds of a trajectory. task: of the scheduler for a block. price: of a core for an hour.
        lasting: seconds of a block; None: those of the size that the code picks.
    """
    shape: Any = _Shape(_TRAJECTORIES)
    size = block_size(shape, cores, 9.0, each) if lasting is None else max(64, round(lasting / each))
    blocks = -(-_TRAJECTORIES // size)
    found = simulated(blocks, cores, size * each, task, _LATENCY, _SPREAD, _START)
    return {
        "steps": steps, "cores": cores, "block": size, "block_seconds": size * each, "tasks": blocks,
        "hours": found.seconds / 3600, "load": found.load, "efficiency": found.efficiency,
        "cost": cores * found.seconds / 3600 * price,
    }  # fmt: skip


def _table(rows: list[Any]) -> str:
    head = (
        "steps", "cores", "trajectories of a block", "its seconds", "tasks", "hours", "scheduler busy",
        "efficiency", "cost",
    )  # fmt: skip
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for r in rows:
        cells = (
            f"{r['steps']:,}", f"{r['cores']:,}", f"{r['block']:,}", f"{r['block_seconds']:.3g}",
            f"{r['tasks']:,}", f"{r['hours']:.3g}", f"{r['load']:.0%}", f"{r['efficiency']:.1%}",
            f"{r['cost']:,.0f}",
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _efficiency(seconds: float) -> tuple[str, Any]:
    spent, same = compared(seconds)
    base = spent["two threads"]
    lines = ["| | seconds | efficiency | CPU seconds | of CPU |\n|---|---|---|---|---|"]
    for name, s in spent.items():
        shares = f"{base.clock / s.clock:.1%} | {s.cpu:.1f} | {base.cpu / s.cpu:.1%}"
        lines.append(f"| {name} | {s.clock:.1f} | {shares} |")
    lines.append(f"\nsame bits: {'yes' if same else 'NO'}")
    told = {name: {"clock": s.clock, "cpu": s.cpu} for name, s in spent.items()}
    return "\n".join(lines), {**told, "same": same}


def _scaled(price: float) -> tuple[str, Any]:
    task, thousand = task_seconds(), seconds_each(1000)
    sent, came, each_came = block_bytes()
    picked = [row(n, 1000, thousand * n / 1000, task, price) for n in (10**4, 10**5, 10**6)]
    lengths = [row(10**5, 1000, thousand * 100, task, price, length) for length in (0.5, 2, 6, 24, 96)]
    cores = [row(10**5, count, thousand * 100, task, price) for count in (10, 100, 1000, 10_000)]
    told = (
        f"The scheduler and the client take {1e3 * task:.2g} ms for a task "
        f"(the code assumes {1e3 * TASK:.2g}), a core {thousand * 1e6:.2g} ns for a step of a trajectory.\n"
        f"A block is {sent:,.0f} bytes on its way to a worker and {came:,.0f} back, with {each_came:.2g} for "
        f"each trajectory where it is not stored.\nA core costs {price} an hour."
    )
    parts = [told, "Sizes that the code picks:", _table(picked), "Other sizes:", _table(lengths),
             "Other numbers of cores:", _table(cores)]  # fmt: skip
    sizes = {"sent": sent, "came": came, "came_each": each_came}
    return "\n\n".join(parts), {
        "task": task, "thousand_steps": thousand, "bytes": sizes, "picked": picked, "lengths": lengths,
        "cores": cores,
    }  # fmt: skip


def main() -> int:
    """0, or 1 where two workers give other bits than two threads."""
    parser = argparse.ArgumentParser(prog="python -m analysis.scaling", description=__doc__)
    parser.add_argument("--efficiency", type=float, metavar="SECONDS", help="of work for two cores")
    parser.add_argument("--price", type=float, default=0.05, help="of a core for an hour")
    parser.add_argument("--out", type=Path, help="folder of tables and numbers; default: none")
    arguments = parser.parse_args()
    name = "scaling" if arguments.efficiency is None else "efficiency"
    told, numbers = _scaled(arguments.price) if name == "scaling" else _efficiency(arguments.efficiency)
    print(told)
    if arguments.out is not None:
        atomic_write_json(arguments.out / f"{name}.json", numbers)
        atomic_write_text(arguments.out / f"{name}.md", told + "\n")
    return int(not numbers.get("same", True))


if __name__ == "__main__":
    sys.exit(main())
