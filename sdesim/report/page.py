"""What the pages of a run and of a sweep have in common: pictures inside, templates, and numbers in words."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sdesim.io.files import atomic_write_bytes
from sdesim.plots.style import NothingToDraw


def drawn(plot: Callable[..., Any], *data: Any) -> Any | None:
    """The matplotlib Figure that a function of `sdesim.plots` draws; None where the data hold none of it."""
    try:
        axes = plot(*data)
    except NothingToDraw:
        return None
    return np.ravel(np.asarray(axes, dtype=object))[0].figure


def picture(folder: Path, name: str, title: str, caption: str, figure: Any) -> dict[str, str]:
    """Write ``figures/<name>.png``, and give what the page shows: title, caption and the picture itself."""
    png = _png(figure)
    atomic_write_bytes(folder / "figures" / f"{name}.png", png)
    source = "data:image/png;base64," + base64.b64encode(png).decode("ascii")
    return {"title": title, "caption": caption, "source": source}


def environment() -> Any:
    """jinja2 with the pages of this folder; every text is escaped."""
    from jinja2 import Environment, PackageLoader

    return Environment(loader=PackageLoader("sdesim.report", "."), autoescape=True, trim_blocks=True)


def text_of(path: Path) -> str:
    """Content of a text file; empty where there is none."""
    return path.read_text(encoding="utf-8") if path.exists() else ""


def number(value: Any) -> str:
    """Four significant digits; a dash for what is missing; infinities in words."""
    if isinstance(value, str):
        return {"Infinity": "∞", "-Infinity": "−∞"}.get(value, value)
    if value is None or not math.isfinite(value):
        return "–" if value is None or math.isnan(value) else "∞" if value > 0 else "−∞"
    return f"{value:.4g}".replace("-", "−")


def interval(item: Mapping[str, Any]) -> str:
    """ "0.12 [0.10, 0.14]"."""
    low, high = item.get("low"), item.get("high")
    text = number(item.get("value"))
    return text if number(low) == "–" else f"{text} [{number(low)}, {number(high)}]"


def _png(figure: Any) -> bytes:
    buffer = io.BytesIO()
    # Without the date and version the same data give the same bytes.
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
