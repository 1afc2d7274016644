"""What the next step of a simulated epoch is drawn from, as a recording reads it of a training.

Of noise without replacement the expected gradient of the next step is μ_rem = ∇L + Σ_i r_i ∇ℓ_i, r the
expected weights of the examples given the steps before it, and its covariance a share of that of one example.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sdesim.noise.kernel import Drawn
from sdesim.runs.measures.sampling import batch_of_steps

if TYPE_CHECKING:
    from sdesim.engine.plan import Plan

Array = NDArray[np.float64]


def reads_unseen(plan: Plan) -> bool:
    """Whether what an epoch has left is known, and the gradients of its examples too."""
    weighs = plan.kernel.offers("weighted_grad")
    return plan.sampling == "epoch" and weighs and _number(plan) is not None


def unseen_part(
    plan: Plan, memory: dict[str, Array], trajectory: int, step: int, theta: Array
) -> dict[str, float]:
    """The variables of the schema that `unseen_drift` and `reshuffling_effect` are made of.

    Args:
        memory: states of the noises, as an ensemble has them.
        trajectory: its place in the ensemble. theta: where it stands (d,).
    """
    k, stream = _number(plan) or (0, 0)
    ahead: Any = plan.noise_kernels[k].ahead
    drawn = Drawn(plan.seed, stream, plan.first + trajectory, 1, plan.kernel.examples, plan.steps)
    left, share, expected = ahead.rest(drawn, step, memory[f"noise{k}"][:, trajectory])
    n, surface = plan.kernel.examples, plan.surface
    whole = np.asarray(surface.grad(theta))
    rest = whole + np.asarray(surface.weighted_gradient(theta, expected))  # type: ignore[attr-defined]
    sizes = {"batch_size": plan.batch_size, "dataset_size": n, "last_batch": plan.last_batch}
    return {
        "unseen_examples": left,
        "unseen_factor": share * batch_of_steps(sizes),
        "unseen_signal": float(rest @ whole),
        "unseen_bend": float(rest @ surface.hvp(theta, rest)),
        "whole_signal": float(whole @ whole),
        "whole_bend": float(whole @ surface.hvp(theta, whole)),
    }


def _number(plan: Plan) -> tuple[int, int] | None:
    """Number and stream of the noise that is drawn by epochs."""
    stream = 0
    for k, kernel in enumerate(plan.noise_kernels):
        if hasattr(kernel.ahead, "rest"):
            return k, stream
        stream += kernel.streams
    return None
