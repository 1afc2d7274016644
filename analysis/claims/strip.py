"""The ledger in one picture: a mark for each claim, by section of the source, its verdict and its basis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .ledger import BASES, CONVENTIONAL, COUNTER_EXAMPLE, DEDUCED, MEASURED
from .rules import CONDITIONS, CONVENTION, FAILS, HOLDS, INCONCLUSIVE, VERDICTS
from .run import PAPER

# What the parts of the source are about.
PARTS = {
    "1": "motivation",
    "2": "gradients",
    "3": "the ratio C",
    "4": "p and odds",
    "5": "phases",
    "6": "S, d_H and I",
    "7": "Langevin, Lévy",
    "8": "geometry",
    "9": "phenomena",
    "10": "convergence",
    "11": "code given",
    "12": "advice",
    "13": "other theories",
    "14": "limits",
    "15": "glossary",
    "summary": "summary",
}
_FILLS = {
    HOLDS: "#009E73", CONDITIONS: "#56B4E9", FAILS: "#D55E00", CONVENTION: "#B9AEE3", INCONCLUSIVE: "#F0E442",
}  # fmt: skip
_WHITE, _DARK = "#fefefe", "#101010"
_SHAPES = {DEDUCED: "o", COUNTER_EXAMPLE: "D", MEASURED: "s", CONVENTIONAL: "h"}
_INCHES = 7.6, 0.36


def part(section: str) -> str:
    """ "6" of "6.1, 8.3"."""
    return section.split(",")[0].split(".")[0].strip()


def strip(records: Sequence[Mapping[str, Any]]) -> str:
    """The picture as SVG; colour says the verdict, shape what it is made of, the number which claim it is."""
    from sdesim.plots.style import styled, svg

    rows = [p for p in PARTS if any(part(r["section"]) == p for r in records)]
    widest = max(sum(part(r["section"]) == p for r in records) for p in rows)
    with styled() as Figure:
        height = len(rows) + 2.2
        figure = Figure(figsize=(_INCHES[0], _INCHES[1] * height), layout="none")
        ax = figure.add_axes((0.0, 1.9 / height, 1.0, 1 - 1.9 / height))
        ax.set_axis_off()
        for y, name in enumerate(rows):
            ax.text(
                -0.7, y, f"§{name} {PARTS[name]}" if name.isdigit() else PARTS[name], ha="right", va="center"
            )
            for x, r in enumerate(r for r in records if part(r["section"]) == name):
                _mark(ax, x, y, r)
        ax.set(xlim=(-4.6, max(widest, 12) - 0.4), ylim=(len(rows) - 0.35, -0.65))
        _legends(figure, records, height)
        told = ", ".join(f"{sum(r['verdict'] == v for r in records)} {v}" for v in VERDICTS)
        return svg(figure, prefix="ledger-", alt=f"{len(records)} claims: {told}").replace(
            "<svg ", f"<svg {PAPER} ", 1
        )


def _mark(ax: Any, x: float, y: float, r: Mapping[str, Any]) -> None:
    fill = _FILLS.get(r["verdict"], "#999999")
    size = 15 if _SHAPES[r["basis"]] == "D" else 17
    ax.plot([x], [y], marker=_SHAPES[r["basis"]], markersize=size, color=fill, linestyle="")
    ink = _WHITE if r["verdict"] in (HOLDS, FAILS) else _DARK
    ax.text(x, y, r["id"][1:], ha="center", va="center", fontsize=7.5, color=ink)


def _legends(figure: Any, records: Sequence[Mapping[str, Any]], height: float) -> None:
    from matplotlib.lines import Line2D

    def entry(label: str, marker: str, colour: str) -> Any:
        return Line2D([], [], marker=marker, color=colour, linestyle="", markersize=8, label=label)

    def of(key: str, name: str) -> int:
        return sum(r[key] == name for r in records)

    verdicts = [entry(f"{of('verdict', v)} {v}", "s", _FILLS[v]) for v in VERDICTS if of("verdict", v)]
    bases = [entry(f"{of('basis', b)} {b}", _SHAPES[b], "#888888") for b in BASES if of("basis", b)]
    for handles, place in ((verdicts, 0.9 / height), (bases, 0.1 / height)):
        figure.legend(
            handles=handles, loc="lower center", bbox_to_anchor=(0.5, place), ncols=len(handles),
            frameon=False, fontsize=9, handletextpad=0.2, columnspacing=1.2,
        )  # fmt: skip
