"""Coverage and error of watched loops, beside public noise scales: `python -m analysis.monitor`."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch
from scipy.stats import binomtest

from analysis.monitor.coverage import covered, peers, read, summary, truth
from analysis.monitor.loops import LOOPS, STEPS
from analysis.monitor.networks import BATCH, EXAMPLES, NETWORKS

RESULTS = Path(__file__).parent / "results"
Cells = dict[str, dict[str, Any]]


def main() -> None:
    """Fill the cells that are not there yet, and write the tables."""
    options = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    options.add_argument("--trials", type=int, default=100)
    options.add_argument("--out", type=Path, default=RESULTS)
    options.add_argument("--again", action="store_true", help="forget the cells that are there")
    chosen = options.parse_args()
    torch.set_num_threads(1)
    chosen.out.mkdir(parents=True, exist_ok=True)
    held = chosen.out / "cells.json"
    cells: Cells = json.loads(held.read_text()) if held.exists() and not chosen.again else {}
    for name in NETWORKS:
        for kind in LOOPS:
            if f"{name}, {kind}" in cells:
                continue
            began, true = time.perf_counter(), truth(name, kind)
            found = read(name, kind, 0, chosen.trials)
            inside, known = covered(found, true)
            cells[f"{name}, {kind}"] = {
                "network": name, "loop": kind, "truth": true, "inside": inside, "known": known,
                "trials": len(found), **summary([r["C"] for r in found], true),
                "width": _middle([(r["high"] - r["low"]) / true for r in found]),
                "flags": sorted({flag for r in found for flag in r["flags"]}),
                "seconds": time.perf_counter() - began,
            }  # fmt: skip
            held.write_text(json.dumps(cells, indent=1) + "\n", encoding="utf-8")
        if f"{name}, peers" not in cells:
            true = truth(name, "one batch")
            cells[f"{name}, peers"] = {
                peer: summary(values, true) for peer, values in peers(name, chosen.trials).items()
            }
            held.write_text(json.dumps(cells, indent=1) + "\n", encoding="utf-8")
    text = table(cells)
    (chosen.out / "table.md").write_text(text, encoding="utf-8")
    print(text)


def _middle(numbers: list[float]) -> float:
    finite = sorted(x for x in numbers if abs(x) < float("inf"))
    return finite[len(finite) // 2] if finite else float("nan")


def table(cells: Cells) -> str:
    """Both tables as Markdown."""
    rows = [c for c in cells.values() if "loop" in c]
    inside, known = sum(c["inside"] for c in rows), sum(c["known"] for c in rows)
    pooled = binomtest(inside, known).proportion_ci(method="exact")
    lines = [
        f"C at the batch of the step ({BATCH} of {EXAMPLES} examples, drawn with replacement) after {STEPS} "
        f"watched steps of plain SGD at one weight, against the gradients of all examples. Factor: what a "
        "middling reading is off by; beyond 2: share of readings off by more; width of the 95% interval over "
        "the truth.",
        "",
        f"All cells: {inside} of {known} intervals hold the truth, {inside / known:.3f} "
        f"[{pooled.low:.3f}, {pooled.high:.3f}].",
        "",
        "| network | loop | true C | held | factor | beyond 2 | width | flags |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for c in rows:
        lines.append(
            f"| {c['network']} | {c['loop']} | {c['truth']:.3g} | {c['inside']} of {c['known']} | "
            f"{c['middle']:.2f} | {c['beyond']:.2f} | {c['width']:.2f} | {', '.join(c['flags'])} |"
        )
    lines += [
        "",
        "Public noise scales on loops of the same length, none of which gives an interval:",
        "",
        "| network | ours, one batch | "
        + " | ".join(f"{peer}: factor, beyond 2" for peer in _peers(cells))
        + " |",
        "|---|---|" + "---|" * len(_peers(cells)),
    ]
    for name in NETWORKS:
        if f"{name}, peers" not in cells:
            continue
        own, found = cells[f"{name}, one batch"], cells[f"{name}, peers"]
        told = [
            f"{s['middle']:.2f}, {s['beyond']:.2f}" if s["n"] else "no such layer" for s in found.values()
        ]
        lines.append(f"| {name} | {own['middle']:.2f}, {own['beyond']:.2f} | {' | '.join(told)} |")
    return "\n".join(lines) + "\n"


def _peers(cells: Cells) -> list[str]:
    return next((list(c) for key, c in cells.items() if key.endswith(", peers")), [])


if __name__ == "__main__":
    main()
