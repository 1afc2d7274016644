"""What the pages of a run and of a sweep have in common: figures inside, the data behind them, templates."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from sdesim.io.files import atomic_write_text, read_text
from sdesim.io.places import Place
from sdesim.io.text import for_cell, lines_for_terminal
from sdesim.plots.style import NothingToDraw, svg
from sdesim.report.words import number

# Arms told of in the text that stands for a figure.
_MOST_TOLD = 6
# Inches beyond which a figure gets the whole width of the page.
_WIDE = 7.0
# Styles as matplotlib writes them, of elements that have no class.
_STYLE = re.compile(r' style="((?:fill|stroke|font-size|opacity)[^"]*)"')
_COLUMNS = ("panel", "what", "name", "x", "y")


def drawn(plot: Callable[..., Any], *data: Any) -> Any | None:
    """The matplotlib Figure that a function of `sdesim.plots` draws; None where the data hold none of it."""
    try:
        axes = plot(*data)
    except NothingToDraw:
        return None
    return np.ravel(np.asarray(axes, dtype=object))[0].figure


def picture(folder: Place, name: str, title: str, caption: str, figure: Any) -> dict[str, Any]:
    """Write ``figures/<name>.svg`` and ``.csv``, what is drawn in it; and give what the page shows, and
    whether it needs all of its width."""
    alt = f"{title}. {finding(figure)}".strip()
    text = svg(figure, prefix=f"{name}-", alt=alt)
    atomic_write_text(folder / "figures" / f"{name}.svg", text)
    atomic_write_text(folder / "figures" / f"{name}.csv", _table(figure))
    wide = figure.get_figwidth() > _WIDE
    return {"name": name, "title": title, "caption": caption, "svg": text, "wide": wide}


def finding(figure: Any) -> str:
    """What a figure shows, in words: where each named curve begins and ends."""
    told: list[str] = []
    for ax in figure.axes:
        for line in ax.lines:
            name, y = str(line.get_label()), np.asarray(line.get_ydata(), dtype=float)
            y = y[np.isfinite(y)]
            if name.startswith("_") or y.size < 2:
                continue
            of = f" in {ax.get_ylabel()}" if ax.get_ylabel() else ""
            told.append(f"{name}{of} from {number(y[0], 3)} to {number(y[-1], 3)}")
    more = f"; and {len(told) - _MOST_TOLD} more" if len(told) > _MOST_TOLD else ""
    return ("; ".join(told[:_MOST_TOLD]) + more + ".") if told else ""


def with_classes(page: str) -> str:
    """A page whose figures say each style that is used more than once by a short class."""
    styles = Counter(_STYLE.findall(page))
    names = {text: f"s{k}" for k, (text, n) in enumerate(styles.items()) if n > 1}

    def short(found: re.Match[str]) -> str:
        name = names.get(found[1])
        return found[0] if name is None else f' class="{name}"'

    rules = "".join(f".{name}{{{_tight(text)}}}" for text, name in names.items())
    return _STYLE.sub(short, page).replace("</style>", f"{rules}\n</style>", 1)


def _tight(style: str) -> str:
    return style.replace("; ", ";").replace(": ", ":")


def environment(folder: Path | None = None, script: str = "matrix.js.j2") -> Any:
    """jinja2 with the pages of a folder, by default of this one; every text is escaped, and of `policy` a
    page may load nothing, send nothing, and run no script but its own, which is known by its digest.

    Args:
        script: the file of that script, as it stands between its tags.
    """
    from jinja2 import Environment, FileSystemLoader, PackageLoader

    loader = PackageLoader("sdesim.report", ".") if folder is None else FileSystemLoader(folder)
    made = Environment(loader=loader, autoescape=True, trim_blocks=True, finalize=_printable)
    text = made.get_template(script).render().encode()
    digest = base64.b64encode(hashlib.sha256(text).digest()).decode()
    made.globals["policy"] = "; ".join((
        "default-src 'none'", f"script-src 'sha256-{digest}'", "style-src 'unsafe-inline'", "img-src data:",
        "base-uri 'none'", "form-action 'none'",
    ))  # fmt: skip
    return made


def _printable(value: Any) -> Any:
    # Not what is marked as HTML, which is ours.
    return lines_for_terminal(value) if type(value) is str else value


def text_of(path: Place) -> str:
    """Content of a text file; empty where there is none.

    Raises:
        RunError: it can't be read.
    """
    return read_text(path) if path.exists() else ""


def _table(figure: Any) -> str:
    """CSV of all that is drawn: points of lines, corners of bands, ends of bars, values of maps."""
    written = io.StringIO()
    out = csv.writer(written, lineterminator="\n")
    out.writerow(_COLUMNS)
    for k, ax in enumerate(figure.axes):
        panel = ax.get_title(loc="left") or ax.get_ylabel() or str(k)
        for what, name, x, y in _artists(ax):
            where = for_cell(panel), what, for_cell(name)
            out.writerows((*where, f"{a:.9g}", f"{b:.9g}") for a, b in zip(x, y, strict=True))
    return written.getvalue()


def _artists(ax: Any) -> Iterator[tuple[str, str, Any, Any]]:
    for line in ax.lines:
        yield "line", _name(line), *np.asarray(line.get_xydata(), dtype=float).reshape(-1, 2).T
    for band in ax.collections:
        paths = [p.vertices for p in band.get_paths() if len(p.vertices)]
        offsets: Any = np.ma.filled(np.ma.asarray(band.get_offsets(), dtype=float), np.nan).reshape(-1, 2)
        corners = offsets if len(offsets) > 1 else np.concatenate(paths) if paths else offsets[:0]
        yield "area", _name(band), *np.asarray(corners, dtype=float).reshape(-1, 2).T
    for bar in ax.patches:
        if hasattr(bar, "get_height"):
            ends = [bar.get_x(), bar.get_x() + bar.get_width()], [bar.get_y(), bar.get_y() + bar.get_height()]
            yield "bar", _name(bar), *ends
    for image in ax.images:
        values: Any = np.ma.filled(np.ma.asarray(image.get_array(), dtype=float), np.nan)
        if values.ndim == 2:
            rows, columns = np.indices(values.shape)
            yield "row and column", _name(image), rows.ravel(), columns.ravel()
            yield "value", _name(image), np.arange(values.size), values.ravel()


def _name(artist: Any) -> str:
    label = str(artist.get_label())
    return "" if label.startswith("_") else label
