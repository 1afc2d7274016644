"""``python -m analysis.convergence [--quick] [--out DIR]``: measure every order, write table and figure."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from analysis.convergence.extras import closed_forms, exploded, stationary_variance
from analysis.convergence.problems import PROBLEMS
from analysis.convergence.report import everything, figure, markdown
from analysis.convergence.study import measure
from sdesim.io.files import atomic_write_json, atomic_write_text

STEPS = (8, 16, 32, 64, 128)
EXPLOSIVE = (0.05, 0.1, 0.2, 0.3, 0.5, 0.8)
HERE = Path(__file__).resolve().parent


def main() -> int:
    """1 where a stated order is missed or a closed form lies 5 standard errors off."""
    parser = argparse.ArgumentParser(prog="python -m analysis.convergence", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer paths: a minute instead of ten")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=HERE / "results", help="folder (default: results/ here)")
    arguments = parser.parse_args()
    size = (
        {"fine": 1024, "pairs": 500, "batches": 10}
        if arguments.quick
        else {"fine": 4096, "pairs": 1000, "batches": 40}
    )
    orders = []
    for problem in PROBLEMS.values():
        started = time.perf_counter()
        orders += measure(problem, steps=STEPS, seed=arguments.seed, **size)
        print(f"{problem.key}: {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
    count = 4000 if arguments.quick else 40_000
    rows = closed_forms(orders) + stationary_variance(count, arguments.seed)
    shares = exploded(count // 10, arguments.seed, EXPLOSIVE)
    command = "python -m analysis.convergence" + (" --quick" if arguments.quick else "")
    text = markdown(orders, rows, shares, EXPLOSIVE, command)
    atomic_write_text(arguments.out / "orders.md", text)
    atomic_write_json(arguments.out / "orders.json", everything(orders, rows, shares, EXPLOSIVE), indent=1)
    figure(orders, shares, EXPLOSIVE, arguments.out / "orders.png")
    print(text)
    return int(any(o.verdict == "missed" for o in orders) or not all(r.holds(5.0) for r in rows))


if __name__ == "__main__":
    sys.exit(main())
