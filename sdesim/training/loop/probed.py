"""The gradient and curvature probe of a seed in training, in the metric of the optimizer as it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from sdesim.runs import probe, probe_rng
from sdesim.training.probes.network_oracle import IN_PLACE, MaskedOracle, TorchOracle, coordinates
from sdesim.training.probes.preconditioning import curvature_metric, linear_step, scaling_of
from sdesim.training.probes.streamed import Streamed
from sdesim.training.probes.subsample import streamed_subsampled, subsampled_part

if TYPE_CHECKING:
    from sdesim.training.loop.prepared import Prepared
    from sdesim.training.loop.trajectory import SeedState

Array = NDArray[np.float64]


def held_part(
    prepared: Prepared, state: SeedState, oracle: TorchOracle | MaskedOracle, theta: Array, step: int,
    curvature: bool, failures: dict[str, str],
) -> dict[str, Any]:  # fmt: skip
    """The variables of the schema, of gradients that are held together.

    Args:
        theta: what the oracle takes (d,). curvature: whether the Hessian is taken too.
        failures: as of `runs.probe`.
    """
    assert prepared.probes is not None
    model, optimizer, mask = state.model, state.optimizer, prepared.recipe.mask
    only, rng = prepared.only(model, optimizer), probe_rng(prepared.recipe.seed, state.trajectory, step)
    metric = curvature_metric(model, optimizer, only)
    metric = metric if mask is None else metric.among(mask)
    n, total = prepared.eigenvalue_examples, len(prepared.train)
    some, others = None, rng.spawn(1)[0]
    if curvature and n < total:
        some = oracle.of_some(torch.from_numpy(np.sort(others.permutation(total)[:n])))
    linear = linear_step(model, optimizer, only) if prepared.step_model == "linear" else None
    found: dict[str, Any] = probe(
        oracle, theta, samples=prepared.probes.samples, rng=rng, step_size=float(state.rates[step]),
        directions=prepared.directions if only is None else prepared.directions[:, coordinates(model, only)],
        groups=prepared.groups if only is None else oracle.groups,
        gradient=prepared.probes.wants("gradient"), curvature=curvature,
        metric=metric, step=linear if mask is None or linear is None else linear.among(mask),
        failures=failures, exactness=prepared.probes.exactness(oracle), ritz=state.ritz,
        some=some, sequential=prepared.probes.sequential,
    )  # fmt: skip
    if some is not None and "lambda_max" in found:
        found |= subsampled_part(some.of_some, n, total, theta, others, metric.trained)
    return found


def streamed_part(
    prepared: Prepared, state: SeedState, oracle: TorchOracle, theta: Array, step: int, curvature: bool,
    failures: dict[str, str],
) -> dict[str, Any]:  # fmt: skip
    """The same of gradients that are too many to be held, at the weights where the network stands."""
    assert prepared.probes is not None
    rng = probe_rng(prepared.recipe.seed, state.trajectory, step)
    only = prepared.only(state.model, state.optimizer)
    n, total = prepared.eigenvalue_examples, len(prepared.train)
    stream, others = _stream(state, oracle), rng.spawn(1)[0]
    some: TorchOracle | None = None
    if curvature and n < total:
        some = oracle.of_some(torch.from_numpy(np.sort(others.permutation(total)[:n])))
    found: dict[str, Any] = stream.read(
        oracle.draws(prepared.probes.samples, rng), rng, step_size=float(state.rates[step]),
        directions=prepared.directions, offsets=oracle.called.offsets, groups=oracle.groups,
        curvature=curvature, failures=failures,
        scaling=lambda: scaling_of(state.model, state.optimizer, only, stream.dtype),
        some=None if some is None else _stream(state, some),
    )  # fmt: skip
    if some is not None and "lambda_max" in found:
        part = some.of_some
        found |= streamed_subsampled(lambda rows: _stream(state, part(rows)), n, total, others)
    oracle.path, oracle.hvp_method, oracle.hvp_error = IN_PLACE, stream.method, stream.error
    return found


def _stream(state: SeedState, oracle: TorchOracle) -> Streamed:
    """Readings at the weights where the network stands, with what earlier ones have found out."""
    made = oracle.streamed()
    made.method, made.error, made.ritz = oracle.hvp_method, oracle.hvp_error, state.ritz
    return made
