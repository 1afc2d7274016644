"""``python -m analysis.training_tools [--quick] [--out DIR]``: compare all tools, write tables and figure."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import torch

from analysis.training_tools.arms import Arm, Result, batch_arms, rate_arms, tuned, warmup_arms
from analysis.training_tools.problems import QUICK, Size, problem
from analysis.training_tools.report import (
    Comparison,
    compare,
    everything,
    figure,
    judged_row,
    level_row,
    markdown,
)
from analysis.training_tools.rules import LABEL_NOISE, Judged, stopping, weight_decay
from sdesim.io.files import atomic_write_json, atomic_write_text

HERE = Path(__file__).resolve().parent
PROBLEMS = ("digits", "mnist1d")
STEERED = {"learning rate": rate_arms, "warm-up": warmup_arms, "batch size": batch_arms}
STOPPING = ("early stopping, noisy labels", LABEL_NOISE), ("early stopping, clean labels", 0.0)


def main() -> int:
    """0 whatever the tools do: losing is a result."""
    parser = argparse.ArgumentParser(prog="python -m analysis.training_tools", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two seeds and small budgets, for a look")
    parser.add_argument("--out", type=Path, default=HERE / "results", help="folder (default: results/ here)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    size = QUICK if arguments.quick else Size()
    command = "python -m analysis.training_tools" + (" --quick" if arguments.quick else "")
    comparisons: list[Comparison] = []
    free: list[Comparison] = []
    levels: list[str] = []
    judged: list[str] = []
    arms: dict[str, dict[str, list[Result]]] = {}
    rules: dict[str, dict[str, dict[str, tuple[Judged, ...]]]] = {}
    for name in PROBLEMS:
        started = time.perf_counter()
        arms[name], rules[name] = {}, {}
        for subject, make in STEERED.items():
            made = make(size)
            arms[name][subject] = _steered(name, subject, made, size, comparisons, free)
            levels += [level_row(name, subject, r) for r in arms[name][subject]]
        for subject, noise in STOPPING:
            found = rules[name][subject] = stopping(name, size, noise)
            for tool in ("literal", "corrected"):
                for baseline in ("patience", "patience, best weights"):
                    pair = (tool, found[tool]), (baseline, found[baseline])
                    comparisons.append(compare(name, subject, *pair))
            judged += [judged_row(name, subject, rule, made, "step") for rule, made in found.items()]
        subject = "weight decay"
        chosen = rules[name][subject] = weight_decay(name, size)
        for tool in ("literal", "debiased"):
            pair = (f"C, {tool}", chosen[tool]), ("validation loss", chosen["validation"])
            comparisons.append(compare(name, subject, *pair))
        judged += [judged_row(name, subject, rule, made, "decay") for rule, made in chosen.items()]
        print(f"{name}: {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
    text = markdown(comparisons, free, levels, judged, command, len(size.seeds))
    atomic_write_text(arguments.out / "table.md", text)
    # Six digits are more than the seeds hold.
    found = everything(comparisons, free, arms, rules, command)
    atomic_write_json(arguments.out / "training_tools.json", found, digits=6, indent=1)
    figure(comparisons, arguments.out / "differences.png")
    print(text)
    return 0


def _steered(
    name: str, subject: str, made: tuple[list[Arm], list[Arm]], size: Size, paid: list[Comparison],
    free: list[Comparison],
) -> list[Result]:  # fmt: skip
    """Tune and train all arms, and compare every tool with every baseline."""
    baselines, tools = ([tuned(problem(name), arm, size) for arm in part] for part in made)
    for tool in tools:
        for baseline in baselines:
            other = (baseline.name, baseline.outcomes)
            paid.append(compare(name, subject, (tool.name, tool.outcomes), other))
            free.append(compare(name, subject, (tool.name, tool.free), other))
    return [*baselines, *tools]


if __name__ == "__main__":
    sys.exit(main())
