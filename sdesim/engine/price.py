"""What a reading of a simulation costs, from the sizes of its parts alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sdesim.runs.price import EXACT_PRODUCTS, Price

if TYPE_CHECKING:
    from sdesim.runs import Probes

# Why readings without draws can't be.
SAMPLED = "allowed: none, for the noise has no mean and variance that are known, and is read from draws alone"
# Most products of λ_max, and those of a trace of eight draws with that of the mean.
_PRODUCTS = 40 + 9


# Why no number of draws makes C precise.
NO_VARIANCE = "allowed: none, for the noise has no variance, so that no number of draws makes C precise"
# Why Σ can't be had without them.
MEAN_ALONE = (
    "allowed: auto, mean or false, for the variance of the noise is not known, and is read from draws"
)


def reading_price(probes: Probes, noises: Sequence[Any], trajectories: int) -> Price:
    """What a reading of all probed trajectories costs, in steps of all trajectories, each one gradient.

    A product with the Hessian is worth two gradients, so are the gradients of all examples of which draws and
    covariances are sums, and each such sum a third of one.

    Args:
        noises: of the simulation, or recipes that take their batch size from a real arm.
    """
    share = min(probes.trajectories, trajectories) / trajectories
    summed = 1 / 3 if any(map(_of_examples, noises)) else 0.0
    return Price(
        gradients=share * (1 + (2 if summed else 0) + probes.samples * summed),
        products=share * 2 * _PRODUCTS,
        exact_gradients=share * (1 + (2 if summed else 0)),
        exact_products=share * EXACT_PRODUCTS * (2 + 2 * summed),
        mean_gradients=share * (1 + (2 if summed else 0)),
        mean_products=share * 2 * probes.samples,
        draw=share * summed,
        product=share * 2,
        progress=share * probes.branches * (3 + (6 if summed else 0)),
    )


def _of_examples(noise: Any) -> bool:
    """Whether a noise is drawn from examples, at its own batch size or a real arm's."""
    return bool(getattr(noise, "batch_size", 0)) or "batch_size" in getattr(noise, "needs", ())
