"""For which quantities of a run a formula holds, read from what the run says of its training.

A quantity whose formula does not hold keeps its value and gets a flag by name:

- `optimizer_not_modelled`: the step that runs is not linear in its gradient with a form that is known (Lion,
  Muon, an optimizer of one's own, rounds of clients), but C* and the drift are of the step −η g; the phase is
  taken from measured progress, or "undefined".
  `optimizer_unknown`: a monitor was not told of the optimizer.
- `clipped_gradients`: the loop cuts gradients down before the step, so that C*, S and the drift, which are of
  the whole gradient, are not of its step; the phase is taken from measured progress.
- `reshuffled`, `sequential`: batches come in epochs. Within one the expected gradient is that of the examples
  not yet seen, so that C = C* is not where the loss stands still; the formulas draw with replacement.
- `sampler_taken_as_uniform`: batches come from a sampler whose law is not known.
- `smaller_last_batch`: some batches are smaller than the one for which noise is given.
- `eval_mode_curvature`: the Hessian is of the network in evaluation mode, which computes something else than
  the one in training (batch normalisation, dropout).
- `batch_coupled`: the examples of a batch meet in the network, so there is no gradient of a single one.
- `loss_not_mean`: the loss of a batch is not the mean of those of its parts, so that of all examples, whose
  Hessian is taken, is on another scale than that of a batch. `loss_reduction_unknown`: it can't be told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import xarray as xr

_OF_STEP = ("C_star", "C_star_trapezoid", "eta_star", "phase", "lyapunov_drift")
_OF_CURVATURE = ("lambda_max", "preconditioned_lambda_max", "S", "I", *_OF_STEP)
_OF_NOISE = ("C_alpha", "p", "odds", "noise", "C_group", "I", *_OF_STEP)
# Ways in which a phase is measured and not computed, as `measures.steps` names them.
MEASURED = ("branched", "steps", "virtual")
_IN_EPOCHS = {"epoch": "reshuffled", "sequential": "sequential"}
# The classes whose step without momentum and decay is −η g; runs of before it was kept have none.
_PLAIN = ("", "torch.optim.sgd.SGD")
_BESIDE = ("learning_rates", "clients", "maximize")
_EXTRAS = ("momentum", "nesterov", "weight_decay", *_BESIDE)


def validity_flags(attrs: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Names of quantities → flags, from the attributes of a run."""
    found: dict[str, list[str]] = {}
    for flag, quantities in _rules(attrs):
        for name in quantities:
            found.setdefault(name, []).append(flag)
    return {name: tuple(flags) for name, flags in found.items()}


def step_is_plain(attrs: Mapping[str, Any]) -> bool:
    """Whether a step of the run's optimizer is −η g; `plain_step` is what the optimizer's kind says of it."""
    if "plain_step" in attrs:
        return bool(attrs["plain_step"]) and not any(attrs.get(name) for name in _BESIDE)
    plain = attrs.get("optimizer") == "sgd" and attrs.get("optimizer_class", "") in _PLAIN
    return plain and not any(attrs.get(name) for name in _EXTRAS)


def _is_linear(attrs: Mapping[str, Any]) -> bool:
    """Whether C*, phase and drift are those of the optimizer's own linear step."""
    return attrs.get("optimizer_model") == "linear" and not attrs.get("clients")


def _rules(attrs: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Flags with the quantities that they are for."""
    if attrs.get("optimizer") == "unknown":
        yield "optimizer_unknown", ("S", "I", *_OF_STEP)
    elif "optimizer" in attrs and not step_is_plain(attrs) and not _is_linear(attrs):
        yield "optimizer_not_modelled", _OF_STEP
    if attrs.get("clipping") == "active":
        yield "clipped_gradients", ("S", "I", *_OF_STEP)
    if attrs.get("batch_size"):
        yield from _of_batches(attrs)
    modes = [str(name) for name in attrs.get("modes", ())]
    if modes:
        yield "eval_mode_curvature", _OF_CURVATURE
    if any("BatchNorm" in name for name in modes):
        probed = attrs.get("probe_batch_size")
        converted = bool(probed) and probed != attrs.get("batch_size")
        yield "batch_coupled", ("C_1", *_OF_NOISE) if converted else ("C_1",)
    reduction = attrs.get("loss_reduction", "mean")
    if reduction == "unknown":
        yield "loss_reduction_unknown", ("C_1", *_OF_CURVATURE)
    elif reduction != "mean":
        yield "loss_not_mean", ("C_1", *_OF_CURVATURE)


def _of_batches(attrs: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What follows from how batches are taken."""
    sampling = str(attrs.get("sampling", ""))
    if sampling in _IN_EPOCHS:
        yield _IN_EPOCHS[sampling], _OF_STEP
    elif sampling == "sampler":
        yield "sampler_taken_as_uniform", ("signal", "C_1", *_OF_NOISE)
    if attrs.get("last_batch"):
        yield "smaller_last_batch", _OF_NOISE


def with_validity(measured: xr.Dataset, attrs: Mapping[str, Any]) -> xr.Dataset:
    """The same measurements with the flags of their run, wherever there is a value; no value changes.

    `phase_flags` is added beside `phase`.
    """
    added: dict[str, Any] = {}
    flags = validity_flags(attrs)
    if "phase" in measured:
        phase = measured["phase"]
        nothing = np.zeros(phase.shape, dtype="<U1")
        known = phase.values != "undefined"
        if "phase_method" in measured:
            # What was measured is of the very training, and needs no formula.
            known &= ~np.isin(measured["phase_method"].values, MEASURED)
        added["phase_flags"] = (phase.dims, _joined(nothing, flags.get("phase", ()), known))
    for name, names in flags.items():
        if name != "phase" and f"{name}_flags" in measured:
            held = measured[f"{name}_flags"]
            known = ~np.isnan(np.asarray(measured[name].values, dtype=np.float64))
            added[f"{name}_flags"] = (held.dims, _joined(held.values.astype(str), names, known))
    return measured.assign(added)


def _joined(texts: NDArray[np.str_], names: tuple[str, ...], known: NDArray[np.bool_]) -> NDArray[np.str_]:
    """Texts of flags joined by semicolons, with more names where known."""
    more = ";".join(names)
    if not more:
        return texts
    both = np.where(texts == "", more, np.char.add(f"{more};", texts))
    return np.asarray(np.where(known, both, texts), dtype=str)
