"""What a calibration found: rows, verdict, Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

from sdesim.io.html import html_table

from .rows import Rate, Row


@dataclass(frozen=True)
class Calibration:
    """Every case at every size.

    Attributes:
        rows: one for each case and size.
        facts: seed, versions, host, when, how long.
    """

    rows: tuple[Row, ...]
    facts: dict[str, Any]

    def __repr__(self) -> str:
        verdict = "every promise is kept" if self.holds else f"{len(self.misses)} promises broken"
        lines = [f"  broken: {miss}" for miss in self.misses]
        return "\n".join([f"<Calibration of {len(self.rows)} cases: {verdict}>", *lines])

    def _repr_html_(self) -> str:
        words = {True: "yes", False: "no", None: "–"}
        rows = [(*_cells(entry), words[entry["holds"]]) for entry in self.summary()]
        head = ("estimator", "method", "coverage", "promised", "alarms", "holds")
        return html_table(head, rows, "Coverage of the intervals, false alarms", " ".join(self.misses))

    def to_table(self) -> Any:
        """A pandas DataFrame, a row for each case and size; what is a rate is its value."""
        import pandas as pd

        plain = ("estimator", "method", "data", "size", "replications", "truth", "bias", "spread", "level")
        rows = [
            {
                **{name: getattr(row, name) for name in plain},
                "coverage": None if row.coverage is None else row.coverage.value,
                "holds": not row.misses,
            }
            for row in self.rows
        ]
        return pd.DataFrame(rows)

    @property
    def holds(self) -> bool:
        """Whether every promise is kept: coverage, bias, false alarms, detections."""
        return not any(row.misses for row in self.rows)

    @property
    def misses(self) -> list[str]:
        """Every broken promise in one line."""
        return [
            f"{row.estimator} ({row.method}) on {row.data}, {row.size} {row.size_name}: {miss}"
            for row in self.rows
            for miss in row.misses
        ]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        rows = []
        for row in self.rows:
            item = asdict(row)
            item["coverage"] = None if row.coverage is None else _rate(row.coverage)
            item["events"] = [_rate(e) for e in row.events]
            item["judged"], item["misses"] = row.judged, row.misses
            rows.append(item)
        return {**self.facts, "holds": self.holds, "misses": self.misses, "rows": rows}

    def summary(self) -> list[dict[str, Any]]:
        """One entry for each estimator and method: range of coverage, what is promised, the verdict."""
        return [_summed(name, method, rows) for name, method, rows in self._by_method()]

    def _by_method(self) -> Iterator[tuple[str, str, list[Row]]]:
        groups: dict[tuple[str, str], list[Row]] = {}
        for row in self.rows:
            groups.setdefault((row.estimator, row.method), []).append(row)
        for (name, method), rows in groups.items():
            yield name, method, rows

    def show(self, console: Any) -> None:
        """Print the summary and the broken promises on a rich Console."""
        from rich.table import Table

        table = Table(
            title="Coverage of the intervals, false alarms", title_justify="left", box=None, pad_edge=False
        )
        for heading in ("estimator", "method", "coverage", "promised", "alarms", "holds"):
            table.add_column(heading, overflow="fold", no_wrap=heading == "estimator")
        words = {True: "[green]yes[/green]", False: "[red]no[/red]", None: "–"}
        for entry in self.summary():
            table.add_row(*_cells(entry), words[entry["holds"]])
        console.print(table)
        for miss in self.misses:
            console.print(f"broken promise: {miss}", style="red", markup=False, soft_wrap=True)

    def table(self) -> str:
        """Markdown: the summary, then every row by estimator."""
        facts = self.facts
        size = ", small (--quick)" if facts["quick"] else ""
        lines = [
            "# Calibration",
            "",
            f"{facts['created']}, seed {facts['seed']}{size}, {facts['wall_time']:.0f} s; sdesim "
            f"{facts['versions'].get('sdesim', '')} at {facts['git_commit'][:12] or 'no commit'}.",
            "",
            "Every promise is kept." if self.holds else "**Broken promises:**",
            *(f"- {miss}" for miss in self.misses),
            "",
            "| estimator | method | coverage (least – largest) | promised | false alarms | holds |",
            "|---|---|---|---|---|---|",
            *(_line(entry) for entry in self.summary()),
        ]
        for name, group in groupby(sorted(self.rows, key=lambda r: r.estimator), key=lambda r: r.estimator):
            lines += ["", f"## {name}", "", *_section(list(group))]
        return "\n".join(lines) + "\n"


def _rate(rate: Rate) -> dict[str, Any]:
    return {**asdict(rate), "value": rate.value, "low": rate.low, "high": rate.high, "kept": rate.kept}


def _summed(name: str, method: str, rows: list[Row]) -> dict[str, Any]:
    rates = [row.coverage.value for row in rows if row.coverage is not None]
    stated = [r.coverage.at_least for r in rows if r.coverage is not None and r.coverage.at_least is not None]
    alarms = [e.value for row in rows for e in row.events if e.at_most is not None]
    judged = any(row.judged for row in rows)
    return {
        "estimator": name,
        "method": method,
        "rows": len(rows),
        "coverage": [min(rates), max(rates)] if rates else None,
        "promised": [min(stated), max(stated)] if stated else None,
        "false_alarms": max(alarms) if alarms else None,
        "holds": not any(row.misses for row in rows) if judged else None,
    }


def _span(ends: list[float] | None) -> str:
    if ends is None:
        return "–"
    low, high = (f"{x:.3g}" for x in ends)
    return low if low == high else f"{low} – {high}"


def _cells(entry: dict[str, Any]) -> tuple[str, ...]:
    alarms = "–" if entry["false_alarms"] is None else f"≤ {entry['false_alarms']:.3g}"
    return entry["estimator"], entry["method"], _span(entry["coverage"]), _span(entry["promised"]), alarms


def _line(entry: dict[str, Any]) -> str:
    verdict = {None: "not judged", True: "yes", False: "**no**"}[entry["holds"]]
    return f"| {' | '.join((*_cells(entry), verdict))} |"


def _section(rows: list[Row]) -> Iterator[str]:
    yield f"| method | data | {rows[0].size_name} | truth | bias ± spread | coverage | events |"
    yield "|---|---|---|---|---|---|---|"
    for row in rows:
        events = "; ".join(f"{e.name} {e.value:.3g}{_limit(e)}" for e in row.events)
        coverage = "–"
        if row.coverage is not None:
            coverage = f"{row.coverage.value:.3f} [{row.coverage.low:.3f}, {row.coverage.high:.3f}]"
            coverage += _limit(row.coverage)
        mark = " **broken**" if row.misses else ""
        yield (
            f"| {row.method} | {row.data} | {row.size} | {row.truth:.4g} | "
            f"{row.bias:+.3g} ± {row.spread:.2g} | {coverage} | {events}{mark} |"
        )
    notes = dict.fromkeys((row.method, row.data, row.reason) for row in rows if row.reason)
    if notes:
        yield ""
        yield from (f"- {method}, {data}: {reason}." for method, data, reason in notes)


def _limit(rate: Rate) -> str:
    if rate.at_most is not None:
        return f" (≤ {rate.at_most:g})"
    return f" (≥ {rate.at_least:g})" if rate.at_least is not None else ""
