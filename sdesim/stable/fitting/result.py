"""What a fit of the stable law gives: four estimates, their covariance, goodness of fit, the law itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.estimate import Estimate
from sdesim.stable.fitting.goodness import Goodness

Array = NDArray[np.float64]
NAMES = ("alpha", "beta", "scale", "loc")


@dataclass(frozen=True, repr=False, eq=False)
class StableFit:
    """A stable law fitted to a sample.

    Attributes:
        alpha, beta, scale, loc: Estimates, their intervals within the support.
        covariance: (4, 4) of the four in this order; NaN where a parameter lies at the end of its support.
        log_likelihood: of the sample under the fitted law.
        goodness: Anderson and Darling's.
        parametrization: of `loc`, "S1" or "S0".
        sample: the values that were fitted, ascending (n,).
        missing: how many NaN were left out.
    """

    alpha: Estimate
    beta: Estimate
    scale: Estimate
    loc: Estimate
    covariance: Array
    log_likelihood: float
    goodness: Goodness
    parametrization: str
    sample: Array = field(repr=False)
    missing: int

    def __iter__(self) -> Iterator[Estimate]:
        """α, β, scale and loc in turn."""
        return iter((self.alpha, self.beta, self.scale, self.loc))

    @property
    def n(self) -> int:
        """Values fitted."""
        return self.alpha.n

    @property
    def method(self) -> str:
        """Of the fit."""
        return self.alpha.method

    @property
    def flags(self) -> tuple[str, ...]:
        """All flags of the four, each once."""
        return tuple(dict.fromkeys(flag for e in self for flag in e.flags))

    @property
    def law(self) -> Any:
        """The fitted law with scipy's method names, as `sdesim.stable(…)` makes it."""
        from sdesim.stable import StableLaw

        return StableLaw(
            float(self.alpha), float(self.beta), float(self.loc), float(self.scale), self.parametrization
        )

    def bootstrap(self, draws: int = 199, seed: int = 0) -> Goodness:
        """Goodness of fit by samples of the fitted law, each fitted anew by maximum likelihood.

        Takes draws times as long as a fit without intervals; its p-value is at least 1/(draws + 1).

        Raises:
            EstimatorError: draws below 19.
        """
        from sdesim.stable.fitting.fit import bootstrapped

        return bootstrapped(self, draws, seed)

    def plot(self, axes: Any = None) -> Any:
        """Two panels: quantiles against those of the fitted law with a band, and both tails on log axes.

        Args:
            axes: two matplotlib Axes to draw into, or None for a figure of their own.

        Returns:
            The Axes (2,).
        """
        return import_module("sdesim.plots").stable_fit(self, axes=axes)

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary for JSON."""
        return {
            **{name: e.to_dict() for name, e in zip(NAMES, self, strict=True)},
            "covariance": self.covariance.tolist(),
            "log_likelihood": self.log_likelihood,
            "goodness": vars(self.goodness).copy(),
            "parametrization": self.parametrization,
            "n": self.n,
            "missing": self.missing,
        }

    def to_table(self) -> Any:
        """A pandas DataFrame with a row for each parameter."""
        import pandas as pd

        return pd.concat([e.to_table() for e in self]).set_axis(list(NAMES))

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={e}" for name, e in zip(NAMES, self, strict=True))
        return f"<StableFit of {self.n:,} values ({self.method}, {self.parametrization}): {told}>"

    def _repr_html_(self) -> str:
        from sdesim.io.html import html_table

        rows = [
            (name, f"{e.value:.6g}", f"[{e.low:.6g}, {e.high:.6g}]", ", ".join(e.flags))
            for name, e in zip(NAMES, self, strict=True)
        ]
        missing = f", {self.missing:,} missing" if self.missing else ""
        caption = f"Stable law ({self.parametrization}) of {self.n:,} values, by {self.method}{missing}"
        head = ("", "value", f"{self.alpha.level:.0%} interval", "flags")
        return html_table(head, rows, caption, f"Goodness of fit: {self.goodness}.")
