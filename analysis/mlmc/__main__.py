"""``python -m analysis.mlmc [--repeats N] [--relative R] [--tight R]``: cost and coverage, with the tables.

Repeats go over the seeds 0, 1, … at the looser tolerance; the tables are of one run at the tight one.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import sdesim
from analysis.mlmc.problems import PROBLEMS, Problem
from sdesim.io.files import atomic_write_json, atomic_write_text
from sdesim.plots import convergence
from sdesim.plots.style import styled

HERE = Path(__file__).resolve().parent


def run(problem: Problem, relative: float, seed: int) -> Any:
    """One estimate at a relative tolerance."""
    return sdesim.mlmc(
        problem.sde, problem.quantity, problem.duration, relative * problem.exact, seed,
        theta0=problem.start, scheme="euler-maruyama",
    )  # fmt: skip


def repeats(problem: Problem, relative: float, count: int) -> dict[str, Any]:
    """How often the error is within the tolerance, and the interval holds the value."""
    errors, held, gains = [], 0, []
    for seed in range(count):
        found = run(problem, relative, seed)
        errors.append((found.value - problem.exact) / problem.exact)
        held += found.low <= problem.exact <= found.high
        gains.append(found.details["plain_evaluations"] / found.details["evaluations"])
    return {
        "problem": problem.name, "relative": relative, "repeats": count,
        "within": sum(abs(e) <= relative for e in errors), "held": int(held), "errors": errors,
        "median_gain": sorted(gains)[count // 2],
    }  # fmt: skip


def tight(problem: Problem, relative: float) -> dict[str, Any]:
    """One run, with its table and cost."""
    started = time.process_time()
    found = run(problem, relative, 0)
    spent = time.process_time() - started
    return {
        "problem": problem.name, "relative": relative, "exact": problem.exact, "cpu_seconds": spent,
        "gain": found.details["plain_evaluations"] / found.details["evaluations"], **found.to_dict(),
    }  # fmt: skip


def markdown(tables: list[dict[str, Any]], shares: list[dict[str, Any]], command: str) -> str:
    """The page of the results."""
    lines = ["# Multilevel Monte Carlo", "", f"`{command}`", ""]
    for table in tables:
        details = table["details"]
        lines += [
            f"## {table['problem']}, relative tolerance {table['relative']:g}",
            "",
            f"Value {table['value']:.8g} [{table['low']:.8g}, {table['high']:.8g}], exact "
            f"{table['exact']:.8g}; {details['evaluations']:.3g} step evaluations against "
            f"{details['plain_evaluations']:.3g} of plain Monte Carlo at {details['plain_steps']:,} steps: "
            f"**{table['gain']:.0f} times fewer**. {table['cpu_seconds']:.0f} CPU seconds.",
            "",
            "| level | steps | n | mean | variance | cost of a sample | evaluations |",
            "|---|---|---|---|---|---|---|",
        ]  # fmt: skip
        lines += [
            f"| {row['level']} | {row['steps']} | {row['n']:,} | {row['mean']:.4g} | {row['variance']:.3g} | "
            f"{row['cost']:g} | {row['evaluations']:.3g} |"
            for row in table["levels"]
        ]
        lines += [""]
    lines += ["## Repeats", "", "| problem | relative tolerance | within it | interval holds the value |"]
    lines += ["|---|---|---|---|"]
    lines += [
        f"| {s['problem']} | {s['relative']:g} | {s['within']} of {s['repeats']} | "
        f"{s['held']} of {s['repeats']} |"
        for s in shares
    ]
    return "\n".join([*lines, ""])


def figure(tables: list[dict[str, Any]], path: Path) -> None:
    """Variance and mean of what each level adds, over its step."""
    with styled() as Figure:
        drawn = Figure(figsize=(10.0, 4.2), layout="constrained")
        for ax, table in zip(drawn.subplots(1, len(tables)), tables, strict=True):
            rest = table["levels"][1:]
            dt, mean, se, variance = ([row[k] for row in rest] for k in ("dt", "mean", "se", "variance"))
            named = {"variance": (dt, variance), "|mean|": (dt, [abs(m) for m in mean], se)}
            convergence(named, ylabel="what a level adds", ax=ax)
            ax.set_title(table["problem"], fontsize=9)
        drawn.savefig(path, dpi=130)


def main() -> int:
    """1 where fewer than 90% of the repeats keep the tolerance, or a gain is below 20."""
    parser = argparse.ArgumentParser(prog="python -m analysis.mlmc", description=__doc__)
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--relative", type=float, default=1e-3, help="tolerance of the repeats")
    parser.add_argument("--tight", type=float, default=1e-4, help="tolerance of the tables")
    parser.add_argument("--out", type=Path, default=HERE / "results", help="folder (default: results/ here)")
    arguments = parser.parse_args()
    shares = [repeats(p, arguments.relative, arguments.repeats) for p in PROBLEMS]
    tables = [tight(p, arguments.tight) for p in PROBLEMS]
    command = " ".join(["python -m analysis.mlmc", *sys.argv[1:]])
    text = markdown(tables, shares, command)
    atomic_write_text(arguments.out / "mlmc.md", text)
    figure(tables, arguments.out / "levels.png")
    atomic_write_json(arguments.out / "mlmc.json", {"tables": tables, "repeats": shares}, indent=1)
    print(text)
    kept = all(s["within"] >= 0.9 * s["repeats"] for s in shares)
    return int(not kept or any(t["gain"] < 20 for t in tables))


if __name__ == "__main__":
    sys.exit(main())
