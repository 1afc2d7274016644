"""The gallery's page, from the docstrings of the figures."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path

from analysis.gallery.pictures import PICTURES
from sdesim import plots

DOCS = Path(__file__).parents[2] / "docs"
FOLDER = DOCS / "gallery"

_HEAD = """# Gallery

Every figure is a function of `sdesim.plots`: it takes data (a run, several by name, samples, a comparison,
…), draws into `ax=` (`axes=` where it has several panels) and gives the axes. A run draws itself:
`run.sdesim.plot.curve("C_alpha")` is `sdesim.plots.curve(run, "C_alpha")`, and `run.sdesim` measures
(`.measure()`, `.quantity(name)`), and gives tables (`.to_table()`, pandas) and samples for ArviZ
(`.to_arviz()`, an xarray DataTree).

Real trainings are orange, simulations blue, laws black. Up to six seeds are lines, more are their mean with
its band; nothing is drawn where nothing was saved. `sdesim.plots.svg(figure)` gives a picture for a page of
yours: text stays text, ink and ground are the page's. `python -m analysis.gallery` makes this page and its
pictures anew (3 minutes).
"""


def page() -> str:
    """The page's text."""
    return "\n".join([_HEAD, *(_entry(name) for name in PICTURES), *_others()]) + "\n"


def _entry(name: str) -> str:
    call, _ = PICTURES[name]
    docs = inspect.cleandoc(getattr(plots, name).__doc__ or "").split("\n\nArgs:")[0]
    return f"## {name}\n\n`{call}`\n\n![{name}](gallery/{name}.png)\n\n{docs}\n"


def _others() -> list[str]:
    """Figures of runs that the gallery does not show, a line each."""
    shown: Mapping[str, str] = {
        name: inspect.cleandoc(getattr(plots, name).__doc__ or "").partition("\n\n")[0].replace("\n", " ")
        for name in plots.__all__
        if name not in PICTURES
    }
    return ["## Further", "", *(f"- `{name}`: {words}" for name, words in shown.items())]
