"""Mean and covariance of a minibatch gradient from the gradients of all examples, where they say all."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from sdesim.errors import RunError
from sdesim.estimators.core.covariance import (
    ExampleCovariance,
    GradientMoments,
    GradientTraces,
    kept_parts,
)
from sdesim.training.data.batches import rows_of
from sdesim.training.probes.example_norms import example_norms
from sdesim.training.probes.reduction import MEAN, SUM

if TYPE_CHECKING:
    from sdesim.training.probes.network_oracle import TorchOracle
    from sdesim.training.probes.trial import Trial

Array = NDArray[np.float64]
# Numbers of gradients that are made at a time: 64 MB.
_CHUNK = 2**23
# Examples of one backward pass of norms.
_NORMED = 256
# So many examples are read twice, to see whether layers draw at random.
_TRIED = 8
# The mean of the examples' gradients is the objective's to this share: float32 sums agree to 1e-5.
_AGREED = 1e-3


def without_moments(trial: Trial, training: bool) -> str:
    """Why the gradients of single examples can't tell the law of a batch's; empty where they can.

    Args:
        training: whether readings are of the network in training.
    """
    if trial.coupled:
        return "the examples of a batch meet in the network"
    if trial.in_batches or trial.reduction not in (MEAN, SUM):
        return f"the loss of a batch is no mean of those of its examples ({trial.reduction})"
    if trial.gradient_hooks:
        return "hooks change the gradients"
    if trial.modes and training:
        return f"layers act at random or differently in training ({', '.join(trial.modes)})"
    return ""


def example_moments(oracle: TorchOracle, theta: Array, covariance: bool) -> GradientMoments | str:
    """μ = Σ_i q_i g_i and Σ = Σ_i q_i (g_i − μ)(g_i − μ)ᵀ/B at theta (d,), or why a batch has others.

    Args:
        covariance: whether Σ is wanted; without it one pass through the objective gives μ.
    """
    why = without_moments(oracle.trial, training=any(oracle.modes))
    if why:
        return why
    if not oracle.plain and _random(oracle, theta):
        return "two readings of the same gradient differ"
    if not covariance:
        return GradientMoments(oracle.gradient(theta), None)
    n, q = oracle.examples, oracle.shares
    step = max(1, _CHUNK // oracle.dim)

    def blocks() -> Iterator[Array]:
        for start in range(0, n, step):
            rows = torch.arange(start, min(start + step, n))
            yield oracle.gradients_of(theta, rows[:, None], np.random.default_rng(0))

    parts = kept_parts(blocks, n * oracle.dim)
    mean, square, at = np.zeros(oracle.dim), 0.0, 0
    for part in parts():
        share = q[at : at + len(part)]
        mean += share @ part
        square += float(share @ np.einsum("ij,ij->i", part, part))
        at += len(part)
    if not oracle.plain:
        apart = float(np.linalg.norm(mean - oracle.gradient(theta)))
        if not apart <= _AGREED * (float(np.linalg.norm(mean)) + math.sqrt(square / n)):
            return "the gradients of single examples do not add up to that of all"
    return GradientMoments(mean, ExampleCovariance(parts, mean, np.sqrt(q / oracle.batch_size)))


def example_traces(oracle: TorchOracle, theta: Array) -> GradientTraces | str:
    """μ and Tr Σ at theta (d,) from the norms of the examples' gradients, one backward pass over all of them;
    or why that can't be.

    Tr Σ = (mean |g_i|² − |μ|²)/B, of each parameter.
    """
    why = without_moments(oracle.trial, training=any(oracle.modes))
    if why:
        return why
    called = oracle.called
    if oracle.weights is not None or oracle.trial.reduction != MEAN or called.only is not None or called.half:
        return "norms are of all parameters under a plain mean"
    if _random(oracle, theta):
        return "two readings of the same gradient differ"
    n = oracle.examples
    square, mean = np.zeros(len(called.parameters)), np.zeros(oracle.dim)
    names = [name for name, _ in called.module.named_parameters()]
    with called.open(), called.weights(called.point(theta)):
        for rows in torch.tensor_split(torch.arange(n), max(1, n // _NORMED)):
            x, y = (called.inputs(rows_of(part, rows)) for part in (oracle.x, oracle.y))
            try:
                found = example_norms(called.module, called.loss_fn, x, y)
            except RunError as error:
                return str(error)
            finally:
                called.reset()
            share, place = len(rows) / n, 0
            for k, (name, p) in enumerate(zip(names, called.parameters, strict=True)):
                if name in found.parts:
                    square[k] += share * float(found.parts[name].mean())
                    gradient = found.gradients[name].detach().double().cpu().numpy()
                    mean[place : place + p.numel()] += share * gradient.reshape(-1)
                place += p.numel()
    ends = np.cumsum([p.numel() for p in called.parameters])
    blocks = [
        slice(int(stop - p.numel()), int(stop)) for stop, p in zip(ends, called.parameters, strict=True)
    ]
    own = np.array([float(mean[b] @ mean[b]) for b in blocks])
    return GradientTraces(mean, blocks, np.maximum(square - own, 0.0) / oracle.batch_size)


def _random(oracle: TorchOracle, theta: Array) -> bool:
    rows = torch.arange(min(_TRIED, oracle.examples))[None]
    one, other = (oracle.gradients_of(theta, rows, np.random.default_rng(seed)) for seed in (0, 1))
    scale = float(np.abs(one).max())
    return not np.allclose(one, other, rtol=1e-4, atol=1e-5 * scale)
