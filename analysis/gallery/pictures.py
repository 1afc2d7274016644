"""One picture for each figure: what draws it, and the call that a reader would write."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import sdesim
from analysis.gallery import samples as of
from sdesim import plots

_DPI, _COLOURS = 76, 64


def _two(name: str) -> dict[str, Any]:
    return {k: of.trained()[k] for k in ("real SGD", name)}


def _last() -> Any:
    return of.trained()["real SGD"]["theta"].values[0, -1]


def _distance() -> Any:
    runs, measured = of.trained(), of.measured()
    real = "real SGD"
    found = [
        sdesim.compare(runs[k], runs[real], measured=(measured[k], measured[real])) for k in runs if k != real
    ]
    named = [{**c.to_dict(), "simulated": k} for c, k in zip(found, list(runs)[1:], strict=True)]
    return plots.distance(named, arms=plots.arms.views_of(runs, measured))


def _spectrum() -> Any:
    surface, theta = of.network(), _last()
    return plots.spectrum(lambda v: surface.hvp(theta, v), surface.dim, probes=6, steps=60)


def _film() -> Any:
    return plots.animate(of.in_the_well()["Gaussian"], of.WELL, frames=60)._fig.axes[0]


# Name: (call, what draws the picture).
PICTURES: Mapping[str, tuple[str, Callable[[], Any]]] = {
    "paths": (
        "paths(runs, surface, trajectories=1)",
        lambda: plots.paths(of.in_the_well(), of.WELL, trajectories=1),
    ),
    "animate": ("animate(run, surface)", _film),
    "density": (
        "density(run, gibbs(surface, 0.1, -3, 3), burn_in=50)",
        lambda: plots.density({"Langevin": of.at_rest()}, plots.gibbs(of.WELL, of.D, -3, 3), burn_in=50),
    ),
    "survival": (
        'survival(runs, {"Gaussian": …, "α-stable": …})',
        lambda: plots.survival(
            of.leaving(), {k: sdesim.exit_statistics(r).mean for k, r in of.leaving().items()}
        ),
    ),
    "qq": ("qq(samples)", lambda: plots.qq(of.samples())),
    "hill": ("hill(samples)", lambda: plots.hill(of.samples())),
    "curve": (
        'curve(runs, "C_alpha")',
        lambda: plots.curve(of.trained(), "C_alpha", measured=of.measured()),
    ),
    "compare": (
        'compare(runs, "lambda_max")',
        lambda: plots.compare(_two("isotropic SDE"), "lambda_max", measured=of.measured()),
    ),
    "distance": ("distance([comparison, …])", _distance),
    "phase_strip": ("phase_strip(runs)", lambda: plots.phase_strip(of.trained(), measured=of.measured())),
    "phase_map": (
        "phase_map(table, index)",
        lambda: plots.phase_map(of.map_of_descent(), (slice(None), slice(None))),
    ),
    "loss_slice": ("loss_slice(surface, theta)", lambda: plots.loss_slice(of.network(), _last())),
    "spectrum": ("spectrum(hvp, dim)", _spectrum),
    "convergence": (
        "convergence(errors, orders=[1, 2])",
        lambda: plots.convergence(of.orders(), orders=[1, 2], ylabel="error of E x²"),
    ),
    "monitor": ("monitor(watched)", lambda: plots.monitor(of.watched())),
    "claim": ("claim(record)", lambda: plots.claim(of.claims()[2])),
}


def picture(name: str) -> bytes:
    """The picture of a figure as PNG: the same bytes from the same libraries."""
    from PIL import Image

    axes = np.ravel(np.asarray(PICTURES[name][1](), dtype=object))
    written = io.BytesIO()
    axes[0].figure.savefig(written, format="png", dpi=_DPI, metadata={"Software": None})
    small = Image.open(written).convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
    packed = io.BytesIO()
    small.save(packed, format="png", optimize=True)
    return packed.getvalue()
