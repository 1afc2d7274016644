"""What the pages of a run and of a sweep have in common: pictures inside, templates, and numbers in words."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
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


def _png(figure: Any) -> bytes:
    buffer = io.BytesIO()
    # Without the date and version the same data give the same bytes.
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
