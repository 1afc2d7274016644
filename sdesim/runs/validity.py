"""For which quantities of a run a formula holds, read from what the run says of its training.

A quantity whose formula does not hold keeps its value and gets a flag by name:

- `optimizer_not_modelled`: the step that runs is not linear in its gradient with a form that is known (Lion,
  Muon, an optimizer of one's own, rounds of clients), but C* and the drift are of the step −η g; the phase is
  taken from measured progress, or "undefined".
  `optimizer_unknown`: a monitor was not told of the optimizer.
- `clipped_gradients`: gradients are cut down before the step, of a run at least once, so that C*, S and the
  drift, which are of the whole gradient, are not of its step; the phase is taken from measured progress. How
  often says `clipped_share` of a run, over all steps its attribute `clipped_steps`.
- `full_batch`: training takes all examples at once and has no sampling noise; C, C* and what follows are
  those of steps on single examples, or of the batch that is probed.
- `reshuffled`, `sequential`: batches come in epochs. Within one the expected gradient is that of the examples
  not yet seen, so that C = C* is not where the loss stands still; the formulas draw with replacement.
- `sampling_unknown`: a monitor was given examples and no loader, so how batches are drawn is not known; the
  formulas draw with replacement.
- `sampler_taken_as_uniform`: batches come from a sampler whose law is not known.
  `reshuffling_effect` is how much it makes in the rate of the loss. Where a batch holds more than a twentieth
  of all examples, they flag noise and C too: one batch drawn without replacement has less noise than
  independent draws, by the factor (N − B)/(N − 1).
- `smaller_last_batch`: the last batch of an epoch is smaller than the others; noise and C are the mean over
  the steps, as of batches of their harmonic mean size.
- `eval_mode_curvature`: the Hessian is of the network in evaluation mode, which computes something else than
  the one in training (batch normalisation, dropout); so are gradients with `eval_mode_gradients`.
- `subsampled`: loss and Hessian, or the eigenvalues alone, are of some of the examples. λ_max of those is too
  high; it is debiased, and its interval holds the draw and what may be left of the bias. λ_min is too low.
  The other readings of the Hessian are not biased, but their intervals do not hold the draw.
- `collated_together`: a collate function makes of examples what depends on their batch (padding), and loss
  and Hessian are of examples collated all at once; right where network and loss don't see the padding.
- `batch_coupled`: the examples of a batch meet in the network, so there is no gradient of a single one. Loss
  and Hessian are means over batches of training's size, on one partition of the examples.
- `fixed_batch`: the network takes no other batches than training's; loss and Hessian as above.
- `loss_weighted_mean`: the loss of a batch divides by weights of its own examples (class weights, ignored
  labels, tokens), so that single examples have no loss on the same scale. Loss and Hessian as above.
- `loss_not_mean`: the loss of a batch is in another way not the mean of those of its parts, or (runs without
  the attribute mode) the Hessian is of all examples, on another scale than that of a batch.
  `loss_reduction_unknown`: it can't be told.
- `hessian_by_differences`: there is no second derivative, or a wrong one; products with the Hessian are
  differences of gradients, good to `hvp_error`.
- `gradient_hooks`: hooks change the gradients of parameters; gradients are those that training uses, the
  Hessian is of the loss. `gradient_hook_not_run`: a hook that runs once a gradient is accumulated is not run.
- `half_precision`: the network could only be read in half precision.
- `other_parameters`: the optimizer also moves parameters that the network does not hold, as a loss may.
- `loss_failed`, `gradient_failed`, `curvature_failed`: reading it failed, at least once; the attribute
  `failures` and a measurement's `reasons` say why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sdesim.runs.attributes import mapped, rows
from sdesim.runs.measures.sampling import replacement_factor

if TYPE_CHECKING:
    import xarray as xr

_OF_STEP = ("C_star", "C_star_trapezoid", "eta_star", "phase", "lyapunov_drift")
_OF_CURVATURE = ("lambda_max", "lambda_min", "preconditioned_lambda_max", "S", "I", *_OF_STEP)
_OF_NOISE = ("C_alpha", "p", "odds", "noise", "C_group", "I", *_OF_STEP)
# Ways in which a phase is measured and not computed, as `measures.steps` names them.
MEASURED = ("branched", "steps", "virtual", "weighted")
_FAILED = {"gradient": ("signal", "C_1", "tail_index", "d_H", *_OF_NOISE), "curvature": _OF_CURVATURE,
           "loss": ()}  # fmt: skip
# A change of noise that is left unsaid.
_SMALL = 0.05
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


def _reads_steps(attrs: Mapping[str, Any]) -> bool:
    """Whether C*, phase and drift are of steps that the training made, whatever its optimizer."""
    return "phase_window" in attrs


def _rules(attrs: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Flags with the quantities that they are for."""
    if attrs.get("optimizer") == "unknown":
        yield "optimizer_unknown", ("S", "I", *_OF_STEP)
    elif "optimizer" in attrs and not (step_is_plain(attrs) or _is_linear(attrs) or _reads_steps(attrs)):
        yield "optimizer_not_modelled", _OF_STEP
    if attrs.get("clipping") == "active":
        yield "clipped_gradients", ("S", "I", *_OF_STEP)
    if attrs.get("batch_size"):
        yield from _of_batches(attrs)
    elif attrs.get("probe_batch_size"):
        yield "full_batch", _OF_NOISE
    held = attrs.get("curvature_examples")
    if held and held < (attrs.get("dataset_size") or 0):
        yield "subsampled", _OF_CURVATURE
    some = attrs.get("eigenvalue_examples")
    if some and some < (attrs.get("dataset_size") or 0):
        yield "subsampled", ("lambda_max", "lambda_min", "S")
    if attrs.get("collated_together"):
        yield "collated_together", _OF_CURVATURE
    yield from _of_network(attrs)
    yield from _of_loss(attrs)
    for part, quantities in _FAILED.items():
        if part in mapped(attrs, "failures"):
            yield f"{part}_failed", quantities


def _of_network(attrs: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What follows from the network, its mode and how it is called."""
    modes = [str(name) for name in rows(attrs, "modes")]
    # Runs without the attribute mode have gradients in training mode and Hessians in evaluation mode.
    mode = attrs.get("mode", "")
    if modes and mode != "train":
        yield "eval_mode_curvature", _OF_CURVATURE
        if mode:
            yield "eval_mode_gradients", ("signal", "C_1", *_OF_NOISE)
    if attrs.get("coupled") or any("BatchNorm" in name for name in modes):
        yield "batch_coupled", ("C_1", *_OF_NOISE) if _converted(attrs) else ("C_1",)
    if attrs.get("hvp_method") == "differences":
        yield "hessian_by_differences", _OF_CURVATURE
    if attrs.get("gradient_hooks"):
        yield "gradient_hooks", _OF_CURVATURE
    if attrs.get("fixed_batch"):
        yield "fixed_batch", _OF_CURVATURE
    for flag in rows(attrs, "reading_flags"):
        yield str(flag), ("signal", "C_1", *_OF_NOISE, *_OF_CURVATURE)


def _of_loss(attrs: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What follows from what the loss of a batch is of those of its examples."""
    reduction, converted = attrs.get("loss_reduction", "mean"), _converted(attrs)
    if reduction == "unknown":
        yield "loss_reduction_unknown", ("C_1", *_OF_CURVATURE)
    elif reduction == "weighted mean":
        yield "loss_weighted_mean", ("C_1", *(_OF_NOISE if converted else ()), *_OF_CURVATURE)
    elif reduction == "other" or (reduction != "mean" and "mode" not in attrs):
        yield "loss_not_mean", ("C_1", *_OF_CURVATURE)
    elif reduction == "sum and constant" and converted:
        yield "loss_not_mean", ("signal", "C_1", *_OF_NOISE, *_OF_CURVATURE)


def _converted(attrs: Mapping[str, Any]) -> bool:
    """Whether gradients are of another batch size than training's."""
    probed = attrs.get("probe_batch_size")
    return bool(probed) and probed != attrs.get("batch_size")


def _of_batches(attrs: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What follows from how batches are taken."""
    sampling = str(attrs.get("sampling", ""))
    if sampling in _IN_EPOCHS:
        noisy = replacement_factor(attrs) < 1 - _SMALL
        yield _IN_EPOCHS[sampling], ("C_1", *_OF_NOISE) if noisy else _OF_STEP
    elif sampling == "sampler":
        yield "sampler_taken_as_uniform", ("signal", "C_1", *_OF_NOISE)
    elif sampling == "unknown":
        yield "sampling_unknown", _OF_STEP
    if attrs.get("last_batch"):
        yield "smaller_last_batch", _OF_NOISE


def with_validity(measured: xr.Dataset, attrs: Mapping[str, Any]) -> xr.Dataset:
    """The same measurements with the flags of their run, wherever there is a value; no value changes.

    `phase_flags` is added beside `phase`, `phase_smooth_flags` beside `phase_smooth`.
    """
    added: dict[str, Any] = {}
    flags = validity_flags(attrs)
    for phase in ("phase", "phase_smooth"):
        if phase not in measured:
            continue
        labels = measured[phase]
        own = measured.get(f"{phase}_flags")
        texts = np.zeros(labels.shape, dtype="<U1") if own is None else own.values.astype(str)
        known = labels.values != "undefined"
        if "phase_method" in measured:
            # What was measured is of the very training, and needs no formula.
            known &= ~np.isin(measured["phase_method"].values, MEASURED)
        added[f"{phase}_flags"] = (labels.dims, _joined(texts, flags.get("phase", ()), known))
    # A smoothed series is of the same formula as its readings.
    flags |= {f"{name}_smooth": names for name, names in flags.items()}
    flags["C_excess_smooth"] = flags.get("C_star", ())
    for name, names in flags.items():
        if name not in ("phase", "phase_smooth") and f"{name}_flags" in measured:
            held = measured[f"{name}_flags"]
            known = ~np.isnan(np.asarray(measured[name].values, dtype=np.float64))
            failed = tuple(n for n in names if n.endswith("_failed"))
            texts = _joined(held.values.astype(str), failed, ~known)
            others = tuple(n for n in names if n not in failed)
            added[f"{name}_flags"] = (held.dims, _joined(texts, others, known))
    return measured.assign(added)


def _joined(texts: NDArray[np.str_], names: tuple[str, ...], known: NDArray[np.bool_]) -> NDArray[np.str_]:
    """Texts of flags joined by semicolons, with more names where known."""
    more = ";".join(names)
    if not more:
        return texts
    both = np.where(texts == "", more, np.char.add(f"{more};", texts))
    return np.asarray(np.where(known, both, texts), dtype=str)
