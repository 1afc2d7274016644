"""What a fit of a series gives: estimates, residuals, goodness of fit, figures, the process to simulate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.errors import EstimatorError
from sdesim.estimate import Estimate
from sdesim.fits.goodness import Goodness, distances
from sdesim.fits.likelihood import Surface, maximise
from sdesim.fits.transitions import Transitions
from sdesim.kinds.numbers import whole

Array = NDArray[np.float64]

_LEAST_DRAWS = 19
_REJECTED = 0.01


@dataclass(frozen=True, repr=False, eq=False)
class Fit:
    """A model fitted to a series; each parameter is an attribute too: ``fit.rate``, ``fit["rate"]``.

    Attributes:
        model: the kind that was fitted.
        parameters: Estimates by name, their intervals within the support.
        theta: (p,) where the likelihood is largest, in the order of the parameters.
        covariance: (p, p) by the observed information; NaN where a parameter lies at an end of its support.
        log_likelihood: of all transitions, given the first values.
        data: the transitions.
        residuals: (n,) normal scores Φ⁻¹(F(x₁ | x₀)): independent standard normals under the model.
        goodness: of the residuals.
    """

    model: Any
    parameters: dict[str, Estimate]
    theta: Array
    covariance: Array
    log_likelihood: float
    data: Transitions = field(repr=False)
    residuals: Array = field(repr=False)
    goodness: Goodness

    def __getitem__(self, name: str) -> Estimate:
        return self.parameters[name]

    def __getattr__(self, name: str) -> Estimate:
        # Not `self.parameters`, which unpickling has not set yet.
        known = self.__dict__.get("parameters", {})
        if name not in known:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        found: Estimate = known[name]
        return found

    def __iter__(self) -> Iterator[Estimate]:
        """The parameters' Estimates in turn."""
        return iter(self.parameters.values())

    @property
    def n(self) -> int:
        """Transitions."""
        return self.data.n

    @property
    def missing(self) -> int:
        """How many NaN were left out."""
        return self.data.missing

    @property
    def flags(self) -> tuple[str, ...]:
        """All flags, each once."""
        return tuple(dict.fromkeys(flag for e in self for flag in e.flags))

    @property
    def aic(self) -> float:
        """2p − 2ℓ: of models of the same series the smallest describes it best."""
        return 2.0 * len(self.parameters) - 2.0 * self.log_likelihood

    @property
    def bic(self) -> float:
        """p log n − 2ℓ."""
        return len(self.parameters) * float(np.log(self.n)) - 2.0 * self.log_likelihood

    @property
    def values(self) -> dict[str, float]:
        """Values of the parameters by name."""
        return {name: float(e) for name, e in self.parameters.items()}

    def sde(self) -> Any:
        """The fitted process, as `simulate` takes it, beside `noise()`.

        Raises:
            EstimatorError: a parameter lies where the process is none.
        """
        return self.model.equation(self.values)

    def noise(self) -> list[Any]:
        """What drives it beside the equation's own noise: ``simulate(fit.sde(), noise=fit.noise(), …)``."""
        return list(self.model.noises(self.values))

    def bootstrap(self, draws: int = 199, seed: int = 0) -> Fit:
        """The fit with p-values of A² and D, by series of the fitted model, each fitted anew.

        Takes draws times as long as a fit without intervals; a p-value is at least 1/(draws + 1). Raises the
        flag `poor_fit` where that of A² is below 0.01.

        Raises:
            EstimatorError: draws below 19.
        """
        draws = whole(draws, "draws", least=_LEAST_DRAWS, error=EstimatorError)
        seed = whole(seed, "seed", least=0, error=EstimatorError)
        surface = Surface.of(self.model, self.data)
        theta = surface.natural(np.clip(surface.working(self.theta), surface.low, surface.high))
        larger = [0, 0]
        seen = (self.goodness.anderson_darling, self.goodness.kolmogorov_smirnov)
        for state in np.random.SeedSequence(seed).spawn(int(draws)):
            drawn = self.data.simulated(self.model, theta, np.random.default_rng(state))
            there = Surface.of(self.model, drawn)
            at = maximise(there, there.working(theta))
            found = distances(*self.model.log_tails(there.natural(at.w), drawn))
            for k in range(2):
                larger[k] += found[k] >= seen[k]
        p = [(1 + count) / (1 + draws) for count in larger]
        tested = Goodness(*seen, p[0], p[1], "bootstrap", int(draws))
        flags = ("poor_fit",) if p[0] < _REJECTED else ()
        told = {n: replace(e, flags=(*e.flags, *flags)) for n, e in self.parameters.items()}
        return replace(self, goodness=tested, parameters=told)

    def plot_qq(self, ax: Any = None) -> Any:
        """Residuals against normal quantiles with a band; gives the Axes."""
        return import_module("sdesim.plots").residual_qq(self, ax=ax)

    def plot_characteristic_function(self, ax: Any = None) -> Any:
        """The innovations' characteristic function beside the fitted one with a band; gives the Axes."""
        return import_module("sdesim.plots").characteristic_function(self, ax=ax)

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary for JSON."""
        from sdesim.kinds import dump

        return {
            "model": dump(self.model),
            "parameters": {name: e.to_dict() for name, e in self.parameters.items()},
            "covariance": self.covariance.tolist(),
            "log_likelihood": self.log_likelihood,
            "aic": self.aic,
            "bic": self.bic,
            "goodness": vars(self.goodness).copy(),
            "n": self.n,
            "series": len(self.data.times),
            "missing": self.missing,
            "flags": list(self.flags),
            "time_unit": self.data.unit,
        }

    def to_table(self) -> Any:
        """A pandas DataFrame with a row for each parameter."""
        import pandas as pd

        return pd.concat([e.to_table() for e in self]).set_axis(list(self.parameters))

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={e}" for name, e in self.parameters.items())
        return f"<Fit of {self.model.kind} to {self._told()}: {told}>"

    def _told(self) -> str:
        many = f" of {len(self.data.times):,} series" if len(self.data.times) > 1 else ""
        missing = f", {self.missing:,} missing" if self.missing else ""
        unit = f", time in {self.data.unit}s" if self.data.unit else ""
        return f"{self.n:,} transitions{many}{missing}{unit}"

    def _repr_html_(self) -> str:
        from sdesim.io.html import html_table

        rows = [
            (name, f"{e.value:.6g}", f"[{e.low:.6g}, {e.high:.6g}]", ", ".join(e.flags))
            for name, e in self.parameters.items()
        ]
        head = ("", "value", f"{next(iter(self)).level:.0%} interval", "flags")
        caption = f"{self.model.kind} of {self._told()}"
        return html_table(head, rows, caption, f"Goodness of fit: {self.goodness}. AIC {self.aic:.6g}.")
