"""Coverage while the truth moves, in one table: `python -m analysis.monitor.phases`."""

from __future__ import annotations

from pathlib import Path

from .optimizers import LOOPS, progress
from .trial import DESCENT, TRUTHS, phase_coverage, window_coverage

RESULTS = Path(__file__).parent / "results" / "table.md"
CASES, TRIALS, PHASE_TRIALS = ((0.02, 20), (0.3, 50), (3.0, 100)), 200, 100


def windows(trials: int = TRIALS) -> list[str]:
    """Lines of C of windows."""
    found = []
    for c, dim in CASES:
        for name in TRUTHS:
            r = window_coverage(name, c, dim, trials, 1)
            fixed = f"{r.fixed:.3f} | {r.fixed_width:.3g}"
            found.append(f"| {name} | {c} | {dim} | {r.recent:.3f} | {r.width:.3g} | {fixed} |")
    return found


def phases(trials: int = PHASE_TRIALS) -> list[str]:
    """Lines of drift, C* and phase."""
    found = []
    for momentum in (0.0, 0.9):
        for name in (DESCENT, *TRUTHS):
            r = phase_coverage(name, momentum, trials, 1)
            found.append(
                f"| {name} | {momentum} | {r.drift:.3f} | {r.star:.3f} | {r.told:.3f} | {r.wrong:.4f} |"
            )
    return found


def steps(count: int = 600, seeds: int = 2) -> list[str]:
    """Lines of what steps of a network did to its loss."""
    found = []
    for name in LOOPS:
        each = [progress(name, count, seed) for seed in range(seeds)]
        read, true = (sum(x) / seeds for x in ([p.read for p in each], [p.true for p in each]))
        error = sum(p.error**2 for p in each) ** 0.5 / seeds
        found.append(f"| {name} | {read:.2e} | {true:.2e} | {error:.1e} | {(read - true) / error:.1f} |")
    return found


def table(trials: int = TRIALS, phase_trials: int = PHASE_TRIALS, count: int = 600, seeds: int = 2) -> str:
    """All tables."""
    return "\n".join([
        "# C of windows", "",
        "| truth | C at the end or 1 of it | d | coverage | width | of a fixed window | its width |",
        "|---|---|---|---|---|---|---|", *windows(trials), "",
        "# Drift, C* and phase of successive steps", "",
        "| noise | momentum | drift holds | C* holds | phase told | told wrongly |",
        "|---|---|---|---|---|---|", *phases(phase_trials), "",
        "# Change of the loss per step of a network", "",
        "| loop | read | true | standard error of the difference | in these |",
        "|---|---|---|---|---|", *steps(count, seeds), "",
    ])  # fmt: skip


if __name__ == "__main__":
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(table(), encoding="utf-8")
