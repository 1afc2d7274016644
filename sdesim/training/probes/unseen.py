"""What the next step of an epoch is drawn from: the mean gradient of the unseen examples, its curvature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from sdesim.io.threads import single_blas_thread
from sdesim.training.data.batches import length

if TYPE_CHECKING:
    from sdesim.training.loop.prepared import Prepared
    from sdesim.training.loop.trajectory import SeedState
    from sdesim.training.probes.network_oracle import TorchOracle

Array = NDArray[np.float64]
# Examples of which one mean gradient is taken at a time.
_CHUNK = 256


def unseen_part(
    prepared: Prepared, state: SeedState, oracle: TorchOracle, theta: Array, trained: NDArray[np.bool_]
) -> dict[str, float]:
    """The variables of the schema that `reshuffling_effect` is made of; nothing where draws know no epoch.

    μ and μ_rem are means over all examples and over those left, without a sampling error; where examples meet
    in the network, are drawn by clients or read anew, or the loss is no mean, there are none such.

    Args:
        oracle: of all parameters. theta: all of them (D,). trained: (D,), which of them move.
    """
    unseen = None if state.clients is not None else state.batches.unseen()
    fixed = prepared.train.reader is None and not prepared.trial.modes and prepared.recipe.mask is None
    if unseen is None or not fixed or prepared.trial.reduction != "mean" or prepared.trial.in_batches:
        return {}
    n, size = len(unseen), min(prepared.order.batch_size or 1, len(unseen))
    if prepared.order.sampling == "sequential":
        # In turn, the next batch is known.
        unseen, n = unseen[:size], size
    with single_blas_thread():
        whole = _mean(oracle, theta, torch.arange(length(oracle.x)), trained)
        left = _mean(oracle, theta, unseen, trained)
        return {
            "unseen_examples": float(n),
            "unseen_factor": (n - size) / (n - 1) * _typical(prepared) / size if n > 1 else 0.0,
            "unseen_signal": float(left @ whole),
            "unseen_bend": float(left @ oracle.hvp(theta, left)),
            "whole_signal": float(whole @ whole),
            "whole_bend": float(whole @ oracle.hvp(theta, whole)),
        }


def _typical(prepared: Prepared) -> float:
    """The batch size at which the noise of the run is given."""
    from sdesim.runs.measures.sampling import batch_of_steps
    from sdesim.training.loop.attributes import last_batch

    sizes: dict[str, Any] = {"batch_size": prepared.order.batch_size, "dataset_size": len(prepared.train)}
    return batch_of_steps(sizes | last_batch(prepared))


def _mean(oracle: TorchOracle, theta: Array, rows: torch.Tensor, trained: NDArray[np.bool_]) -> Array:
    """∇ of the mean loss of the examples ``rows`` at theta (D,): (D,)."""
    rng, total = np.random.default_rng(0), np.zeros(theta.size)
    for at in range(0, len(rows), _CHUNK):
        some = rows[at : at + _CHUNK]
        total += len(some) * oracle.gradients_of(theta, some[None], rng)[0]
    total[~trained] = 0.0
    return total / len(rows)
