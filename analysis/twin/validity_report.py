"""The map of validity as a table and as a figure."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from analysis.twin.validity import ARMS, BATCHES, QUANTITIES
from sdesim.io.files import atomic_write_bytes
from sdesim.plots.style import styled

NAMES = {"twin": "twin, dt = η", "sde": "nearer the SDE, dt = η/4", "noiseless": "without noise"}
# Colours of distances: one spread, what a single further seed shows, in the middle.
_LOW, _HIGH = 0.2, 5.0
_SIGNS = {"equal": "=", "not told apart": "·", "undecided": "?", "differs": "×"}
_TITLES = {
    "sgd": "SGD", "momentum": "momentum 0.9", "nesterov": "Nesterov 0.9", "rmsprop": "RMSprop",
    "adam": "Adam", "adamw": "AdamW", "lion": "Lion",
}  # fmt: skip


def verdict(arm: Mapping[str, Any]) -> str:
    """Of all quantities together: the worst of "equal", "not told apart", "undecided" and "differs"."""
    order = list(_SIGNS)
    return max((q["verdict"] for q in arm.values()), key=order.index)


def worst(arm: Mapping[str, Any]) -> float:
    """The largest distance of any quantity, in spreads of the real seeds."""
    return max(float(q["distance"]) for q in arm.values())


def table(result: Mapping[str, Any]) -> str:
    """A row a cell: distances of the twin by quantity, the worst of the other arms, and the conditions."""
    heads = [*QUANTITIES, *(NAMES[arm] for arm in ARMS if arm != "twin")]
    told = "ηλ_max", "C at the start", "at the end", "tail index at the end"
    lines = []
    for name, row in result.items():
        lines += [f"### {_TITLES.get(name, name)}", "", f"| η | B | {' | '.join((*heads, *told))} |"]
        lines += ["|---" * (len(heads) + 2 + len(told)) + "|"]
        for cell in row["cells"]:
            cells = [_shown(cell["twin"][q]) for q in QUANTITIES]
            cells += [f"{worst(cell[a]):.2g} {_SIGNS[verdict(cell[a])]}" for a in ARMS if a != "twin"]
            cells += [f"{cell[key]:.2g}" for key in ("eta_lambda", "C_first", "C_last", "tail_last")]
            lines.append(f"| {cell['learning_rate']:g} | {cell['batch_size']} | {' | '.join(cells)} |")
        lines += [""]
    lines += [
        "Distances in spreads of 16 real seeds; further seeds of the same law show about 0.3. "
        + ", ".join(f"{sign} {words}" for words, sign in _SIGNS.items())
        + ": equal is within one spread, by two one-sided tests. Of the arms beside the twin "
        "the worst of the four quantities."
    ]
    return "\n".join(lines) + "\n"


def _shown(q: Mapping[str, Any]) -> str:
    return f"{q['distance']:.2g} {_SIGNS[q['verdict']]}"


def figure(result: Mapping[str, Any], path: Path) -> None:
    """The map: a row of panels for the twin, one for the SDE; a panel an optimizer, rates by batch sizes."""
    from matplotlib.colors import LogNorm

    arms = ("twin", "sde")
    with styled() as Figure:
        canvas = Figure(figsize=(1.75 * len(result) + 1.4, 4.7))
        grid = canvas.subplots(len(arms), len(result), sharex=True, squeeze=False)
        norm, mesh = LogNorm(_LOW, _HIGH), None
        for line, arm in zip(grid, arms, strict=True):
            for ax, (name, row) in zip(line, result.items(), strict=True):
                mesh = _panel(ax, row["cells"], arm, norm)
                if arm == arms[0]:
                    ax.set_title(_TITLES.get(name, name))
                rates = [cell["learning_rate"] for cell in row["cells"]][:: len(BATCHES)]
                ax.set_yticks(np.arange(len(rates)) + 0.5, [f"{rate:g}" for rate in rates], fontsize=8)
            line[0].set_ylabel(f"{NAMES[arm]}\n\nlearning rate η")
        for ax in grid[-1]:
            ax.set_xlabel("batch size")
        bar = canvas.colorbar(mesh, ax=grid, extend="both", shrink=0.8, pad=0.01)
        bar.set_label("farthest of loss, test accuracy,\nweight norm and λmax, in seeds' spreads")
        ticks = (0.2, 0.5, 1, 2, 5)
        bar.set_ticks(ticks, labels=[f"{tick:g}" for tick in ticks])
        bar.minorticks_off()
        drawn = io.BytesIO()
        canvas.savefig(drawn, format="png", dpi=110, metadata={"Software": None})
    atomic_write_bytes(path, drawn.getvalue())


def _panel(ax: Any, cells: list[Any], arm: str, norm: Any) -> Any:
    shape = (len(cells) // len(BATCHES), len(BATCHES))
    far = np.array([worst(cell[arm]) for cell in cells]).reshape(shape)
    mesh = ax.pcolormesh(far, cmap="RdYlBu_r", norm=norm, edgecolors="white", linewidth=1)
    for y, x in np.ndindex(shape):
        sign = _SIGNS[verdict(cells[y * shape[1] + x][arm])]
        ax.text(x + 0.5, y + 0.5, sign, ha="center", va="center", fontsize=12, fontweight="bold")
    ax.set_xticks(np.arange(len(BATCHES)) + 0.5, [str(b) for b in BATCHES])
    ax.invert_yaxis()
    ax.grid(visible=False)
    ax.tick_params(length=0)
    for side in ax.spines.values():
        side.set_visible(False)
    return mesh
