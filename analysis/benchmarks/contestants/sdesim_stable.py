"""sdesim's stable law: its density at many points, or a maximum-likelihood fit of all four parameters."""

from __future__ import annotations

from typing import Any

from serve import Run, serve
from stable_values import points, sample

from sdesim import stable


def make(problem: dict[str, Any]) -> Run:
    """By the problem's name."""
    alpha, skew = problem["alpha"], problem["skew"]
    if problem["name"] == "density":
        x = points(problem)
        return lambda steps: _dropped(stable.pdf(x, alpha, skew))
    values = sample(problem)
    return lambda steps: _dropped(stable.fit(values))


def _dropped(found: Any) -> None:
    """States are compared, and there are none."""


if __name__ == "__main__":
    serve(make, "sdesim")
