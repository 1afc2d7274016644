"""The accuracy of density, tails and quantiles: ``python -m analysis.stable_reference``.

Prints the table, writes it to `results/accuracy.md`, and draws error and time beside other packages.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analysis.stable_reference.reference import Array, Reference, read
from sdesim import stable

RESULTS = Path(__file__).parent / "results"
GOAL = 1e-12
GOALS = {"ppf": 1e-11}
Mask = NDArray[np.bool_]
FUNCTIONS = ("pdf", "sf", "cdf")


def regions(r: Reference) -> Iterator[tuple[str, Mask]]:
    """Named parts of the set, which overlap."""
    one_sided = np.abs(r.beta) == 1.0
    yield "all", np.ones(r.x.size, dtype=bool)
    yield "alpha < 0.9", r.alpha < 0.9
    yield "0.9 <= alpha <= 1.1", np.abs(r.alpha - 1.0) <= 0.1
    yield "0 < |alpha - 1| <= 1e-3", (np.abs(r.alpha - 1.0) <= 1.0001e-3) & (r.alpha != 1.0)
    yield "1.1 < alpha <= 1.9", (r.alpha > 1.1) & (r.alpha <= 1.9)
    yield "1.9 < alpha < 2", (r.alpha > 1.9) & (r.alpha < 2.0)
    yield "|beta| = 1", one_sided
    yield "log density < -100", r.log_density < -100.0
    yield "|x| <= 1e-3", np.abs(r.x) <= 1e-3
    yield "1e-3 < |x| <= 10", (np.abs(r.x) > 1e-3) & (np.abs(r.x) <= 10.0)
    yield "10 < |x| < 1e5", (np.abs(r.x) > 10.0) & (np.abs(r.x) < 1e5)
    yield "|x| >= 1e5", np.abs(r.x) >= 1e5


def of_sdesim(r: Reference) -> dict[str, Array]:
    """Relative errors of sdesim.stable; from logarithms, so that none is hidden where a value underflows."""
    errors = {}
    exact = {"pdf": r.log_density, "sf": r.log_right, "cdf": r.log_left}
    for name in FUNCTIONS:
        found = _by_form(r, getattr(stable, f"log{name}"))
        errors[name] = np.abs(np.expm1(found - exact[name]))
    # The smaller share is given, rounded to float64.
    left = r.log_left < r.log_right
    q = np.exp(np.where(left, r.log_left, r.log_right))
    found = np.where(
        left,
        _by_form(r, lambda _, *law, **form: stable.ppf(q[form.pop("at")], *law, **form), True),
        _by_form(r, lambda _, *law, **form: stable.isf(q[form.pop("at")], *law, **form), True),
    )
    # The roundings of the share and of its logarithm move x by that much: all that is known of x near 0.
    smaller = np.minimum(r.log_left, r.log_right)
    ulp = 2.0**-53 * (1.0 - smaller) * np.exp(smaller - r.log_density)
    with np.errstate(divide="ignore", invalid="ignore"):
        wrong = np.maximum(np.abs(found - r.x) - 2.0 * ulp, 0.0) / np.abs(r.x)
    errors["ppf"] = np.where((r.x == 0.0) | (q < 1e-300), np.nan, wrong)
    return errors


def _by_form(r: Reference, function: Callable[..., Array], places: bool = False) -> Array:
    out = np.empty(r.x.size)
    for name in ("S0", "S1"):
        k = np.flatnonzero(r.form == name)
        more = {"at": k} if places else {}
        out[k] = function(r.x[k], r.alpha[k], r.beta[k], parametrization=name, **more)
    return out


def of_contestant(name: str, r: Reference) -> tuple[dict[str, Array], dict[str, Array]]:
    """Relative errors and seconds of a contestant's results; ∞ where it gives none, NaN where not asked."""
    with (RESULTS / f"{name}.csv").open() as file:
        rows = list(csv.reader(file))[1:]
    known = {(float(a), float(b), float(x), form): row for a, b, x, form, *row in rows}
    exact = {"pdf": r.log_density, "sf": r.log_right, "cdf": r.log_left}
    errors = {f: np.full(r.x.size, np.nan) for f in FUNCTIONS}
    seconds = {f: np.full(r.x.size, np.nan) for f in FUNCTIONS}
    for i, key in enumerate(zip(r.alpha, r.beta, r.x, r.form, strict=True)):
        row = known.get((float(key[0]), float(key[1]), float(key[2]), str(key[3])))
        if row is None:
            continue
        for k, f in enumerate(FUNCTIONS):
            value = float(row[k])
            seconds[f][i] = float(row[3 + k])
            # Values below the least float64 are rightly 0.
            if exact[f][i] < -744.0:
                continue
            with np.errstate(divide="ignore"):
                error = abs(np.expm1(np.log(value) - exact[f][i])) if value >= 0.0 else np.inf
            errors[f][i] = np.inf if np.isnan(error) else error
    return errors, seconds


def line(errors: Array) -> str:
    """n, shares within 1e-12 and 1e-10, share off by more than 10%, median and largest log10 error."""
    e = errors[~np.isnan(errors)]
    if e.size == 0:
        return "| – | – | – | – | – | – |"
    with np.errstate(divide="ignore"):
        middle, most = np.log10(np.maximum(np.median(e), 1e-16)), np.log10(np.maximum(e.max(), 1e-16))
    counts = f"| {e.size} | {(e <= GOAL).sum()} | {(e <= 1e-10).sum()} | {(e > 0.1).sum()} |"
    return f"{counts} {middle:.1f} | {most:.1f} |"


def speeds() -> list[str]:
    """Nanoseconds a value of sdesim: one at a time, and a million of one law, its table included or not."""
    from sdesim.stable.kernels.panels import panels_of

    rows = [
        "| law | one call of 1000 | 10⁶ points, first call | 10⁶ points | table |",
        "|---|--:|--:|--:|--:|",
    ]
    rng = np.random.default_rng(0)
    stable.pdf(np.zeros(5000), 1.7)
    stable.pdf(np.zeros(10), 1.7)
    for alpha, beta in ((0.5, 0.0), (0.8, 0.5), (1.0, 0.5), (1.2, 0.0), (1.5, 0.5), (1.8, 0.0), (1.95, -0.7)):
        x = stable.ppf(rng.uniform(size=1_000_000), alpha, beta)
        few = x[:1000]
        timed = []
        for points, fresh in ((few, False), (x, True), (x, False)):
            if fresh:
                panels_of.cache_clear()
            start = time.process_time()
            stable.pdf(points, alpha, beta)
            timed.append((time.process_time() - start) / points.size * 1e9)
        panels_of.cache_clear()
        start = time.process_time()
        panels_of(alpha, beta)
        table = (time.process_time() - start) * 1e3
        times = " | ".join(f"{t:,.0f} ns" for t in timed)
        rows.append(f"| α = {alpha}, β = {beta} | {times} | {table:.0f} ms |")
    return rows


def main() -> None:
    """Print and write the table, draw the figure."""
    r = read()
    own = of_sdesim(r)
    text = [f"{r.x.size} points; relative errors against 30 digits. Columns: number of points, within 1e-12,"]
    text += ["within 1e-10, off by more than 10% (or no number), median and largest log10 of the error.", ""]
    text += ["## sdesim.stable", "", "| region | function | n | 1e-12 | 1e-10 | > 10% | median | largest |"]
    text += ["|---|---|--:|--:|--:|--:|--:|--:|"]
    for name, part in regions(r):
        text += [f"| {name} | {f} {line(own[f][part])}" for f in own]
    others = {path.stem: of_contestant(path.stem, r) for path in sorted(RESULTS.glob("*.csv"))}
    text += [
        "",
        "## Beside others",
        "",
        "| package | function | n | 1e-12 | 1e-10 | > 10% | median | largest | ms a value |",
    ]
    text += ["|---|---|--:|--:|--:|--:|--:|--:|--:|"]
    for f in FUNCTIONS:
        text += [f"| sdesim | {f} {line(own[f])} see below |"]
        for name, (errors, seconds) in others.items():
            text += [f"| {name} | {f} {line(errors[f])} {1e3 * np.nanmedian(seconds[f]):.2g} |"]
    worst = [(own[f][i], f, i) for f in own for i in np.flatnonzero(own[f] > GOALS.get(f, GOAL))]
    text += ["", "## Where the goal, 1e-12 and of quantiles 1e-11, is missed", ""]
    text += ["| function | alpha | beta | x | form | log density | error |", "|---|--:|--:|--:|---|--:|--:|"]
    for error, f, i in sorted(worst, reverse=True):
        place = f"{r.alpha[i]!r} | {r.beta[i]!r} | {r.x[i]!r} | {r.form[i]} | {r.log_density[i]:.1f}"
        text += [f"| {f} | {place.replace('np.float64(', '').replace(')', '')} | {error:.1e} |"]
    text += ["", "## Processor time of sdesim.stable.pdf", "", *speeds(), ""]
    print("\n".join(text))
    (RESULTS / "accuracy.md").write_text("\n".join(text), encoding="utf-8")
    draw(own, others)


def draw(own: dict[str, Array], others: dict[str, tuple[dict[str, Array], dict[str, Array]]]) -> None:
    """Share of values within an error, for density and right tail."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(8.0, 3.4), sharey=True)
    everyone = {"sdesim": own, **{name: errors for name, (errors, _) in others.items()}}
    colours = dict(zip(everyone, ("#0072B2", "#E69F00", "#009E73", "#CC79A7"), strict=False))
    for axis, f, title in zip(axes, ("pdf", "sf"), ("density", "P(X > x)"), strict=True):
        for name, errors in everyone.items():
            e = np.sort(np.clip(errors[f][~np.isnan(errors[f])], 1e-16, 1e3))
            if e.size:
                axis.plot(e, np.arange(1, e.size + 1) / e.size, label=name, color=colours[name])
        axis.axvline(GOAL, color="0.6", lw=0.8, ls=":")
        axis.set(xscale="log", xlim=(1e-16, 10.0), ylim=(0.0, 1.02), xlabel="relative error", title=title)
    axes[0].set_ylabel("share of the reference points")
    axes[0].legend(loc="upper left", frameon=False)
    figure.tight_layout()
    figure.savefig(RESULTS / "errors.png", dpi=150)


if __name__ == "__main__":
    main()
