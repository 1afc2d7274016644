"""What a finished run is said to have come to: three lines, more where something is wrong or is asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sdesim.commands.printing import COLOURS, interval, make_console, say, spent

if TYPE_CHECKING:
    from rich.console import Console

    from sdesim.io.places import Place


def print_outcome(
    summary: dict[str, Any], target: Place, verbose: bool = False, strict: bool = False
) -> None:
    """The answer, what became of the expectations, and where the report is.

    An expectation that was missed, or with ``strict`` is undecided, and a warning are never left out. With
    ``verbose`` the evidence, all verdicts and all expectations too.
    """
    console = make_console()
    say(console, sentence(summary), "bold")
    if verbose:
        for line in summary.get("headline", {}).get("evidence", []):
            say(console, line)
        print_arms(console, summary["arms"])
        print_verdicts(console, summary["comparisons"])
    print_expectations(console, summary, verbose, strict)
    for warning in summary["warnings"]:
        say(console, warning, "yellow", "warning: ")
    say(console, f"{target / 'report.html'} ({spent(summary['wall_time'])})", label="Report: ")


def sentence(summary: dict[str, Any]) -> str:
    """The answer in a sentence; of summaries that hold none, how many quantities differ, or what was run."""
    told = summary.get("headline")
    if told:
        return str(told["sentence"])
    if not summary["comparisons"]:
        arms = summary["arms"]
        return f"{summary['name']}: {len(arms)} arm{'s' * (len(arms) != 1)}, {', '.join(arms)}"
    parts = []
    for c in summary["comparisons"]:
        found = Counter(q["outcome"] for q in c["quantities"].values())
        parts.append(
            f"{c['simulated']} differs from {c['real']} in {found['differs']} of {found.total()} quantities"
        )
    return "; ".join(parts)


def print_arms(console: Console, arms: dict[str, dict[str, Any]]) -> None:
    """A line for each arm: what it is, its steps, and how its trajectories ended."""
    for name, arm in arms.items():
        counts = ", ".join(f"{n} {k}" for k, n in arm["status"].items() if n)
        cost = f"; probes took {times(share)} the training" if (share := arm.get("probe_share")) else ""
        say(console, f"{arm['label']}; {arm['steps']:,} steps; {counts}{cost}", label=f"  {name}: ")


def times(share: float) -> str:
    """A share of something in words: "12.5% of", "39 times"."""
    return f"{share:.1%} of" if share <= 1 else f"{share:.2g} times"


def print_verdicts(console: Console, comparisons: Sequence[dict[str, Any]]) -> None:
    """Every verdict of every simulation against training."""
    for c in comparisons:
        console.print()
        say(console, f"against {c['real']}", "bold", label=f"{c['simulated']} ")
        for line in c["verdicts"]:
            name, _, verdict = line.partition(": ")
            say(console, verdict, label=f"  {name}: ", label_style="bold")
    if comparisons:
        console.print()


def print_expectations(
    console: Console, summary: dict[str, Any], verbose: bool = False, strict: bool = False
) -> None:
    """How many were met, and those that were missed, with why; with ``strict`` undecided ones too, with
    ``verbose`` each."""
    expected: list[dict[str, Any]] = summary["expectations"]
    found = Counter(e["outcome"] for e in expected)
    if not expected:
        text = "none at these small sizes" if summary["quick"] else "none stated"
    else:
        met = "all " if found["met"] == len(expected) > 1 else f"{found['met']} of "
        text = f"{met}{len(expected)} met"
        text += "".join(f", {found[k]} {k}" for k in ("missed", "undecided") if found[k])
    worst = next((k for k in ("missed", "undecided", "met") if found[k]), "")
    say(console, text, COLOURS.get(worst, ""), "Expectations: ", "default")
    told = {"missed", *(("undecided",) if strict else ()), *(COLOURS if verbose else ())}
    for e in expected:
        if e["outcome"] in told:
            name = e["quantity"] if e["at"] == "end" else f"{e['quantity']} at {e['at']}"
            said = f"{e['arm']}: {name} {e['condition']}, found {interval(e['value'], e['low'], e['high'])}"
            why = f" ({e['why']})" if e["why"] else ""
            say(console, said + why, label=f"  {e['outcome']:<9}  ", label_style=COLOURS[e["outcome"]])
