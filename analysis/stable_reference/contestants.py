"""Density and tails by other packages: ``python contestants.py NAME OUT [EVERY]`` where one is installed.

Every value (of each EVERY-th point) is asked for alone, as (α, β, x) of the S0 or S1 law of unit scale; what
raises is NaN.
"""

from __future__ import annotations

import csv
import math
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).parents[2]))

from analysis.stable_reference.points import points

Value = Callable[[float, float, float, str], float]


def scipy() -> tuple[Value, Value, Value]:
    """scipy.stats.levy_stable."""
    from scipy.stats import levy_stable

    def by(name: str) -> Value:
        def value(alpha: float, beta: float, x: float, form: str) -> float:
            levy_stable.parameterization = form
            return float(getattr(levy_stable, name)(x, alpha, beta))

        return value

    return by("pdf"), by("sf"), by("cdf")


def aub_htp() -> tuple[Value, Value, Value]:
    """aub_htp.alpha_stable, in S1 throughout: its distribution function knows no other.

    That is scipy's integral of the density.
    """
    from aub_htp import alpha_stable

    def by(name: str) -> Value:
        def value(alpha: float, beta: float, x: float, form: str) -> float:
            shift = beta * math.tan(0.5 * math.pi * alpha) if form == "S0" and alpha != 1.0 else 0.0
            return float(getattr(alpha_stable, name)(x + shift, alpha, beta))

        return value

    return by("pdf"), by("sf"), by("cdf")


def levy_stable() -> tuple[Value, Value, Value]:
    """levy-stable (pylevy), tables for α ≥ 0.5."""
    import levy

    def by(name: str) -> Value:
        def value(alpha: float, beta: float, x: float, form: str) -> float:
            return float(getattr(levy, name)(x, alpha=alpha, beta=beta, par=form[1]))

        return value

    cdf = by("cdf")
    return by("pdf"), lambda *point: 1.0 - cdf(*point), cdf


CONTESTANTS = {"scipy": scipy, "aub-htp": aub_htp, "levy-stable": levy_stable}


def main() -> None:
    """Write alpha, beta, x, form, density, right and left tail and the seconds of each."""
    name, out, every = sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 1
    functions = CONTESTANTS[name]()
    warnings.simplefilter("ignore")
    for function in functions:
        function(1.5, 0.5, 0.3, "S0")
    with Path(out).open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("alpha", "beta", "x", "form", "density", "right", "left", "s1", "s2", "s3"))
        for alpha, beta, x, form in points()[::every]:
            values, seconds = [], []
            for function in functions:
                start = time.perf_counter()
                try:
                    values.append(function(alpha, beta, x, form))
                except Exception:
                    values.append(math.nan)
                seconds.append(f"{time.perf_counter() - start:.2g}")
            writer.writerow([*map(repr, (alpha, beta, x)), form, *map(repr, values), *seconds])


if __name__ == "__main__":
    main()
