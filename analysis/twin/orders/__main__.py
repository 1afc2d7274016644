"""`python -m analysis.twin.orders [--quick] [--out DIR]`: the weak order of every optimizer's SDE.

Optimizer and twin walk the same noise, whose law is known exactly, at steps of time ε from 1/8 to 1/128; the
twin by eight shares of a step. 1 where an order lies below what is stated.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

from analysis.twin.orders.families import FAMILIES
from analysis.twin.orders.report import everything, figure, markdown
from analysis.twin.orders.scaling import scaled
from analysis.twin.orders.study import measure
from sdesim.io.files import atomic_write_json, atomic_write_text

SCALES = (1 / 8, 1 / 16, 1 / 32, 1 / 64, 1 / 128)
NOISES = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
HERE = Path(__file__).resolve().parent


def main() -> int:
    """All families, the rule, table, numbers and figure."""
    parser = argparse.ArgumentParser(prog="python -m analysis.twin.orders", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer trajectories: a minute instead of five")
    parser.add_argument("--out", type=Path, default=HERE / "results", help="folder (default: results/ here)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    count = 4000 if arguments.quick else 40_000
    orders = []
    for family in FAMILIES:
        scales = [family.coarser * one for one in SCALES]
        orders.append(measure(family, scales, count=count * family.more))
        one = orders[-1]
        print(f"{family.name}: {one.order:.2f} [{one.low:.2f}, {one.high:.2f}]", file=sys.stderr, flush=True)
    rules = [scaled(sigma, count=count // 10) for sigma in NOISES]
    command = "python -m analysis.twin.orders" + (" --quick" if arguments.quick else "")
    text = markdown(orders, rules, command)
    atomic_write_text(arguments.out / "orders.md", text)
    atomic_write_json(arguments.out / "orders.json", everything(orders, rules), indent=1)
    figure(orders, arguments.out / "orders.png")
    print(text)
    return int(any(one.verdict == "lower" for one in orders))


if __name__ == "__main__":
    sys.exit(main())
