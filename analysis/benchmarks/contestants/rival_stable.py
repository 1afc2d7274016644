"""The same by scipy.stats.levy_stable, levy-stable (the successor of pylevy) and AUB-HTP; no fit by scipy's,
which takes hours, nor by AUB-HTP's, which has none."""

from __future__ import annotations

from typing import Any

from serve import Run, serve
from stable_values import points, sample


def make(problem: dict[str, Any]) -> Run:
    """The variant is the package; what comes out is dropped."""
    alpha, skew, variant = problem["alpha"], problem["skew"], problem["variant"]
    if problem["name"] == "fit":
        import levy

        values = sample(problem)
        return lambda steps: _dropped(levy.fit(values))
    x = points(problem)
    if variant == "levy":
        import levy

        return lambda steps: _dropped(levy.pdf(x, alpha=alpha, beta=skew))
    if variant == "scipy":
        from scipy.stats import levy_stable as law
    else:
        from aub_htp import alpha_stable as law
    return lambda steps: _dropped(law.pdf(x, alpha, skew))


def _dropped(found: Any) -> None:
    """States are compared, and there are none."""


if __name__ == "__main__":
    serve(make, "scipy", "levy-stable", "aub-htp")
