"""The Run schema, version 1: every variable a run may hold, with its dims, type and units.

Both arms write these variables and nothing else, but for the observables that a simulation was asked for:
numbers over (trajectory, step) under names of their own, which the attribute ``observables`` lists. Whoever
reads a run needs no knowledge of its origin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sdesim.errors import RunError
from sdesim.kinds.spelling import short
from sdesim.runs.attributes import mapped, rows

if TYPE_CHECKING:
    import xarray as xr

SCHEMA_VERSION = 2
# The first has no checksums: such runs get the attribute `unverified`, as do copies without a manifest.
READABLE_VERSIONS = (1, 2)
# A state with an |entry| from here on has blown up, as one that is not finite: squares of it overflow soon,
# and no float32 holds it.
BLOW_UP = 1e100
COORDINATES = ("time", "epoch", "probe_step", "probe_time")
DIMS = ("trajectory", "step", "param", "probe", "sample", "group", "client", "direction", "event", "well",
        "noise_state")  # fmt: skip


@dataclass(frozen=True)
class VariableSpec:
    """Shape, type and meaning of one variable of a run."""

    dims: tuple[str, ...]
    units: str
    long_name: str
    dtype: str = "float64"


_PATH = ("trajectory", "step")
_PROBE = ("trajectory", "probe")
VARIABLES: dict[str, VariableSpec] = {
    "theta": VariableSpec((*_PATH, "param"), "parameter", "parameters"),
    "theta_projection": VariableSpec(
        (*_PATH, "direction"), "parameter", "parameters along fixed random directions"
    ),
    "weight_norm": VariableSpec(_PATH, "parameter", "Euclidean norm of the parameters"),
    "loss": VariableSpec(_PATH, "loss", "full training loss"),
    "train_accuracy": VariableSpec(_PATH, "1", "share of training examples classified correctly"),
    "test_loss": VariableSpec(_PATH, "loss", "loss on the test set"),
    "test_accuracy": VariableSpec(_PATH, "1", "share of test examples classified correctly"),
    "learning_rate": VariableSpec(_PATH, "parameter^2/loss", "learning rate"),
    "sde_time": VariableSpec(("step",), "1", "time of the optimizer's own SDE, whatever its unit"),
    "clipped_share": VariableSpec(
        _PATH, "1", "share of the steps since the last saved one whose gradient was cut down"
    ),
    "signal": VariableSpec(_PROBE, "(loss/parameter)^2", "squared norm of the mean gradient"),
    "noise": VariableSpec(_PROBE, "(loss/parameter)^2", "trace of the unbiased gradient covariance"),
    "gradient_samples": VariableSpec(_PROBE, "1", "number of gradient draws"),
    "step_size": VariableSpec(_PROBE, "parameter^2/loss", "learning rate eta at which C is read"),
    "gradient_norm2": VariableSpec(
        (*_PROBE, "sample"), "(loss/parameter)^2", "squared norm of each gradient"
    ),
    "gradient_dot_mean": VariableSpec(
        (*_PROBE, "sample"), "(loss/parameter)^2", "dot product of each gradient with their mean"
    ),
    "gradient_projection": VariableSpec(
        (*_PROBE, "sample", "direction"), "loss/parameter", "gradients along fixed random directions"
    ),
    "group_signal": VariableSpec((*_PROBE, "group"), "(loss/parameter)^2", "signal per parameter group"),
    "group_noise": VariableSpec((*_PROBE, "group"), "(loss/parameter)^2", "noise per parameter group"),
    "update_norm2": VariableSpec(
        (*_PROBE, "client"), "parameter^2", "squared norm of each client's change in the round that begins"
    ),
    "update_dot_mean": VariableSpec(
        (*_PROBE, "client"), "parameter^2", "dot product of each client's change with their mean"
    ),
    "client_signal": VariableSpec(
        (*_PROBE, "client"), "(loss/parameter)^2", "squared norm of the mean gradient of a client's examples"
    ),
    "client_noise": VariableSpec(
        (*_PROBE, "client"), "(loss/parameter)^2", "trace of the covariance of single gradients in a client"
    ),
    "merged_signal": VariableSpec(
        _PROBE, "(loss/parameter)^2", "squared norm of the mean gradient, merged from the clients' moments"
    ),
    "merged_noise": VariableSpec(
        _PROBE, "(loss/parameter)^2", "trace of the covariance, merged from the clients' moments"
    ),
    "lambda_max": VariableSpec(_PROBE, "loss/parameter^2", "largest Hessian eigenvalue"),
    "lambda_min": VariableSpec(_PROBE, "loss/parameter^2", "smallest Hessian eigenvalue"),
    "lambda_max_halves": VariableSpec(
        _PROBE, "loss/parameter^2", "mean largest eigenvalue of two halves of the examples at hand"
    ),
    "lambda_max_crossed": VariableSpec(
        _PROBE, "loss/parameter^2", "curvature of each half along the top eigenvector of the other, mean"
    ),
    "lambda_max_error": VariableSpec(
        _PROBE, "loss/parameter^2", "standard error of lambda_max_crossed over the draw of examples"
    ),
    "curvature_residual": VariableSpec(_PROBE, "loss/parameter^2", "Lanczos residual of lambda_max"),
    "curvature_residual_min": VariableSpec(_PROBE, "loss/parameter^2", "Lanczos residual of lambda_min"),
    "preconditioned_lambda_max": VariableSpec(
        _PROBE, "1/learning_rate", "largest eigenvalue of the Hessian in the metric of the optimizer"
    ),
    "preconditioned_residual": VariableSpec(
        _PROBE, "1/learning_rate", "Lanczos residual of preconditioned_lambda_max"
    ),
    "curvature_spread": VariableSpec(
        _PROBE, "1/learning_rate", "how far a monitor's few examples leave the top eigenvalue open"
    ),
    "critical_sharpness": VariableSpec(
        _PROBE, "1/learning_rate", "eigenvalue from which the optimizer is unstable"
    ),
    "hessian_signal": VariableSpec(_PROBE, "loss^3/parameter^4", "mean gradient through the Hessian"),
    "hessian_signal_error": VariableSpec(
        _PROBE, "loss^3/parameter^4", "standard error of hessian_signal over the draws"
    ),
    "hessian_noise": VariableSpec(_PROBE, "loss^3/parameter^4", "Tr(H Sigma)"),
    "hessian_noise_error": VariableSpec(_PROBE, "loss^3/parameter^4", "standard error of Tr(H Sigma)"),
    "exact_signal": VariableSpec(
        _PROBE, "(loss/parameter)^2", "squared norm of the mean gradient, known without draws"
    ),
    "exact_noise": VariableSpec(
        _PROBE, "(loss/parameter)^2", "trace of the gradient covariance, from its law or about the known mean"
    ),
    "exact_noise_error": VariableSpec(
        _PROBE, "(loss/parameter)^2", "standard error of exact_noise, 0 where it is from the law"
    ),
    "exact_group_signal": VariableSpec(
        (*_PROBE, "group"), "(loss/parameter)^2", "exact_signal per parameter group"
    ),
    "exact_group_noise": VariableSpec(
        (*_PROBE, "group"), "(loss/parameter)^2", "exact_noise per parameter group"
    ),
    "exact_group_noise_error": VariableSpec(
        (*_PROBE, "group"), "(loss/parameter)^2", "standard error of exact_group_noise"
    ),
    "exact_hessian_signal": VariableSpec(
        _PROBE, "loss^3/parameter^4", "known mean gradient through the Hessian"
    ),
    "exact_hessian_noise": VariableSpec(_PROBE, "loss^3/parameter^4", "Tr(H Sigma) of the known covariance"),
    "exact_hessian_noise_error": VariableSpec(
        _PROBE, "loss^3/parameter^4", "standard error of exact_hessian_noise"
    ),
    "exact_draws": VariableSpec(
        _PROBE,
        "1",
        "random draws behind the errors of the exact values, infinite without",
    ),
    "exact_process_ratio": VariableSpec(_PROBE, "1", "process_ratio without draws"),
    "exact_process_bend": VariableSpec(_PROBE, "1", "process_bend without draws"),
    "exact_process_spread": VariableSpec(_PROBE, "1", "process_spread of the known covariance"),
    "exact_process_spread_error": VariableSpec(_PROBE, "1", "standard error of exact_process_spread"),
    "exact_step_change": VariableSpec(_PROBE, "loss", "step_change without draws"),
    "exact_step_spread": VariableSpec(_PROBE, "loss", "step_spread of the known covariance"),
    "exact_step_spread_error": VariableSpec(_PROBE, "loss", "standard error of exact_step_spread"),
    "drawn_samples": VariableSpec(_PROBE, "1", "gradients drawn until C was as precise as asked, or no more"),
    "drawn_groups": VariableSpec(_PROBE, "1", "groups of draws that the errors of the drawn values are from"),
    "drawn_ratio": VariableSpec(_PROBE, "1", "consolidation ratio of the probed batch, of all drawn"),
    "drawn_ratio_error": VariableSpec(_PROBE, "1", "standard error of drawn_ratio"),
    "drawn_ratio_rise": VariableSpec(_PROBE, "1", "growth of the square of that error with the ratio itself"),
    "drawn_signal": VariableSpec(
        _PROBE, "(loss/parameter)^2", "squared norm of the mean gradient, of all that was drawn, unbiased"
    ),
    "drawn_signal_error": VariableSpec(_PROBE, "(loss/parameter)^2", "standard error of drawn_signal"),
    "drawn_noise": VariableSpec(
        _PROBE, "(loss/parameter)^2", "trace of the gradient covariance, of all that was drawn"
    ),
    "drawn_noise_error": VariableSpec(_PROBE, "(loss/parameter)^2", "standard error of drawn_noise"),
    "drawn_hessian_signal": VariableSpec(
        _PROBE, "loss^3/parameter^4", "mean of all that was drawn through the Hessian"
    ),
    "drawn_hessian_noise": VariableSpec(
        _PROBE, "loss^3/parameter^4", "Tr(H Sigma) from fresh draws about that mean"
    ),
    "drawn_hessian_noise_error": VariableSpec(
        _PROBE, "loss^3/parameter^4", "standard error of drawn_hessian_noise"
    ),
    "drawn_hessian_samples": VariableSpec(_PROBE, "1", "draws of drawn_hessian_noise"),
    "process_ratio": VariableSpec(
        _PROBE, "1", "descent over noise of the optimizer's own process, in the metric of its steps"
    ),
    "process_ratio_error": VariableSpec(_PROBE, "1", "standard error of process_ratio"),
    "process_gap_error": VariableSpec(
        _PROBE, "1", "standard error of |mean gradient|^2 over noise less process_ratio"
    ),
    "process_bend": VariableSpec(_PROBE, "1", "part of the process's critical ratio from the mean"),
    "process_spread": VariableSpec(_PROBE, "1", "part of the process's critical ratio from the noise"),
    "process_spread_error": VariableSpec(_PROBE, "1", "standard error of process_spread"),
    "step_change": VariableSpec(_PROBE, "loss", "change of the loss by the mean of the optimizer's step"),
    "step_change_error": VariableSpec(_PROBE, "loss", "standard error of step_change"),
    "step_spread": VariableSpec(_PROBE, "loss", "change of the loss by the noise of the optimizer's step"),
    "step_spread_error": VariableSpec(_PROBE, "loss", "standard error of step_spread"),
    "preconditioner_share": VariableSpec(
        _PROBE, "1", "largest share of the next gradient's square in the optimizer's own scale squared"
    ),
    "progress": VariableSpec(_PROBE, "loss", "change of the training objective over one step, measured"),
    "progress_error": VariableSpec(_PROBE, "loss", "standard error of progress"),
    "progress_count": VariableSpec(_PROBE, "1", "independent pairs that progress was measured on"),
    "progress_heldout": VariableSpec(_PROBE, "loss", "the same of the held-out examples"),
    "progress_heldout_error": VariableSpec(_PROBE, "loss", "standard error of progress_heldout"),
    "gradient_agreement": VariableSpec(
        _PROBE, "1", "cosine between the mean gradients of training and held-out examples"
    ),
    "gradient_agreement_error": VariableSpec(_PROBE, "1", "standard error of gradient_agreement"),
    "gradient_agreement_count": VariableSpec(_PROBE, "1", "independent readings of gradient_agreement"),
    "capped_signal": VariableSpec(
        _PROBE,
        "learning_rate",
        "|mean gradient|^2 over Tr(H Sigma) of one example, in the optimizer's metric",
    ),
    "capped_signal_low": VariableSpec(_PROBE, "learning_rate", "95% lower end of capped_signal"),
    "capped_signal_high": VariableSpec(_PROBE, "learning_rate", "95% upper end of capped_signal"),
    "capped_bend": VariableSpec(
        _PROBE, "1", "mean gradient through the Hessian over Tr(H Sigma) of one example, in that metric"
    ),
    "capped_bend_low": VariableSpec(_PROBE, "1", "95% lower end of capped_bend"),
    "capped_bend_high": VariableSpec(_PROBE, "1", "95% upper end of capped_bend"),
    "capped_count": VariableSpec(_PROBE, "1", "independent readings behind these"),
    "capped_rate": VariableSpec(_PROBE, "learning_rate", "largest stable rate of gradients in that metric"),
    "capped_rate_low": VariableSpec(_PROBE, "learning_rate", "lower end of capped_rate"),
    "capped_rate_high": VariableSpec(_PROBE, "learning_rate", "upper end of capped_rate"),
    "step_batch": VariableSpec(_PROBE, "1", "examples in the batch of the step"),
    "step_before": VariableSpec(
        _PROBE, "loss", "step times the gradient of the loss where it starts, unbiased"
    ),
    "step_after": VariableSpec(_PROBE, "loss", "step times the gradient of the loss where it ends, unbiased"),
    "step_clipped": VariableSpec(_PROBE, "1", "1 where the gradient of the step was cut down"),
    "step_outside": VariableSpec(_PROBE, "1", "1 where step_before is of a batch outside the step"),
    "step_gain": VariableSpec(
        _PROBE, "parameter^2/loss", "how far a gradient moves the parameters over all later steps"
    ),
    "virtual_drop": VariableSpec(
        _PROBE, "(loss/parameter)^2", "drop of the gradient over a step of length eta, times the gradient"
    ),
    "virtual_drop_error": VariableSpec(_PROBE, "(loss/parameter)^2", "standard error of virtual_drop"),
    "unseen_examples": VariableSpec(_PROBE, "1", "examples out of which the next batch is drawn"),
    "unseen_factor": VariableSpec(_PROBE, "1", "noise of the next batch over that of independent draws"),
    "unseen_signal": VariableSpec(
        _PROBE, "(loss/parameter)^2", "mean gradient of the unseen examples along that of all"
    ),
    "unseen_bend": VariableSpec(
        _PROBE, "loss^3/parameter^4", "mean gradient of the unseen examples through the Hessian"
    ),
    "whole_signal": VariableSpec(
        _PROBE, "(loss/parameter)^2", "squared norm of the gradient of all examples"
    ),
    "whole_bend": VariableSpec(_PROBE, "loss^3/parameter^4", "gradient of all examples through the Hessian"),
    "tangent_growth": VariableSpec(_PROBE, "1", "log growth of a tangent vector since the last probe"),
    "exit_time": VariableSpec(("trajectory", "event"), "time", "time of first exit"),
    "exit_censored": VariableSpec(("trajectory", "event"), "1", "not left before the end", "bool"),
    "exit_state": VariableSpec(("trajectory", "event", "param"), "parameter", "parameters at first exit"),
    "exit_wall": VariableSpec(("trajectory", "event"), "1", "wall through which it left, -1 none", "int64"),
    "occupancy": VariableSpec(("trajectory", "well"), "1", "share of time in each well"),
    "client_examples": VariableSpec(("trajectory", "client"), "1", "number of a client's examples", "int64"),
    "status": VariableSpec(
        ("trajectory",),
        "1",
        "0 finished, 1 diverged (|θ_k| ≥ 1e100 or not finite), 2 stopped by an event, 3 step not solved",
        "int8",
    ),
    "explicit_overshoots": VariableSpec(
        ("trajectory",), "1", "explicit steps whose drift was thrown across", "int64"
    ),
    "steps_taken": VariableSpec(("trajectory",), "1", "steps of every length, with halved ones", "int64"),
    "unmet_steps": VariableSpec(
        ("trajectory",), "1", "steps beyond the tolerance at the smallest length", "int64"
    ),
    "final_velocity": VariableSpec(
        ("trajectory", "param"), "parameter", "second state of the scheme at the last step"
    ),
    "final_noise": VariableSpec(
        ("trajectory", "noise_state"), "parameter", "states of noises with a memory at the last step"
    ),
    "unsolved_steps": VariableSpec(
        ("trajectory",), "1", "steps of an implicit scheme whose equation was not solved", "int64"
    ),
    "stopped_step": VariableSpec(("trajectory",), "step", "step at which it stopped", "int64"),
}
EVERY_PROBE = ("step_size",)
GRADIENT_PROBE = (
    "signal",
    "noise",
    "gradient_samples",
    "gradient_norm2",
    "gradient_dot_mean",
    "gradient_projection",
)
GROUP_PROBE = ("group_signal", "group_noise")
CURVATURE_PROBE = (
    "lambda_max",
    "lambda_min",
    "curvature_residual",
    "curvature_residual_min",
    "hessian_signal",
    "hessian_signal_error",
    "hessian_noise",
    "hessian_noise_error",
)
EXACT_PROBE = ("exact_signal", "exact_noise", "exact_noise_error", "exact_draws")
EXACT_GROUP_PROBE = ("exact_group_signal", "exact_group_noise", "exact_group_noise_error")
EXACT_CURVATURE_PROBE = ("exact_hessian_signal", "exact_hessian_noise", "exact_hessian_noise_error")
EXACT_STEP_PROBE = (
    "exact_process_ratio",
    "exact_process_bend",
    "exact_process_spread",
    "exact_process_spread_error",
    "exact_step_change",
    "exact_step_spread",
    "exact_step_spread_error",
)
DRAWN_PROBE = (
    "drawn_samples",
    "drawn_groups",
    "drawn_ratio",
    "drawn_ratio_error",
    "drawn_ratio_rise",
    "drawn_signal",
    "drawn_signal_error",
    "drawn_noise",
    "drawn_noise_error",
)
DRAWN_CURVATURE_PROBE = (
    "drawn_hessian_signal",
    "drawn_hessian_noise",
    "drawn_hessian_noise_error",
    "drawn_hessian_samples",
)
CLIENT_PROBE = (
    "update_norm2",
    "update_dot_mean",
    "client_signal",
    "client_noise",
    "merged_signal",
    "merged_noise",
)
STEP_PROBE = (
    "process_ratio",
    "process_ratio_error",
    "process_gap_error",
    "process_bend",
    "process_spread",
    "process_spread_error",
    "step_change",
    "step_change_error",
    "step_spread",
    "step_spread_error",
    "preconditioner_share",
)
HALVED_STEPS = ("steps_taken", "unmet_steps")
PROGRESS_PROBE = ("progress", "progress_error", "progress_count")
VIRTUAL_PROBE = ("virtual_drop", "virtual_drop_error", "progress_count")
SUCCESSIVE_PROBE = (
    "step_batch",
    "step_before",
    "step_after",
    "step_gain",
    "step_clipped",
    "step_outside",
)
HELDOUT_PROBE = ("progress_heldout", "progress_heldout_error")
SPREAD_PROBE = ("curvature_spread",)
AGREEMENT_PROBE = ("gradient_agreement", "gradient_agreement_error", "gradient_agreement_count")
CAPPED_PROBE = (
    "capped_signal",
    "capped_signal_low",
    "capped_signal_high",
    "capped_bend",
    "capped_bend_low",
    "capped_bend_high",
    "capped_count",
    "capped_rate",
    "capped_rate_low",
    "capped_rate_high",
)
SUBSAMPLED_PROBE = ("lambda_max_halves", "lambda_max_crossed", "lambda_max_error")
UNSEEN_PROBE = (
    "unseen_examples",
    "unseen_factor",
    "unseen_signal",
    "unseen_bend",
    "whole_signal",
    "whole_bend",
)
METRIC_PROBE = ("critical_sharpness", "preconditioned_lambda_max", "preconditioned_residual")
REQUIRED_ATTRS = ("schema_version", "kind", "seed", "learning_rate", "complete")


def further_variables(attrs: Mapping[str, Any]) -> dict[str, VariableSpec]:
    """What a run holds besides those of the schema, as its attribute `further_variables` says: by name its
    dims, units, long name and type."""
    told = mapped(attrs, "further_variables")
    return {
        str(name): VariableSpec(tuple(dims), units, long_name, dtype)
        for name, (dims, units, long_name, dtype) in told.items()
    }


def check_run(run: Any, name: str = "run") -> None:
    """Raises RunError unless it has what a Dataset of a run has."""
    if not all(hasattr(run, part) for part in ("attrs", "sizes", "data_vars")):
        allowed = "a run, as simulate, training.record and open_run give one"
        raise RunError(f"{name}: found {short(run)}, allowed: {allowed}")


def validate_run(run: xr.Dataset) -> None:
    """Check a dataset against the schema.

    Raises:
        RunError: one line naming the first variable, dimension or attribute that doesn't fit.
    """
    check_run(run)
    for attr in REQUIRED_ATTRS:
        if attr not in run.attrs:
            raise RunError(f"not a run: attribute {attr!r} is missing")
    if run.attrs["schema_version"] not in READABLE_VERSIONS:
        allowed = " and ".join(map(str, READABLE_VERSIONS))
        raise RunError(
            f"schema version {run.attrs['schema_version']} can't be read, this sdesim reads {allowed}"
        )
    if run.attrs["kind"] not in ("simulated", "real"):
        raise RunError(f"kind must be 'simulated' or 'real', got {short(run.attrs['kind'])}")
    further = further_variables(run.attrs)
    for name, array in run.data_vars.items():
        spec = VARIABLES.get(str(name)) or further.get(str(name))
        if str(name) in rows(run.attrs, "observables"):
            spec = VariableSpec(_PATH, "", "")
        if spec is None:
            raise RunError(f"variable {name!r} is not part of the run schema")
        if tuple(array.dims) != spec.dims:
            raise RunError(f"variable {name!r} must have dims {spec.dims}, got {tuple(array.dims)}")
        if str(array.dtype) != spec.dtype:
            raise RunError(f"variable {name!r} must be {spec.dtype}, got {array.dtype}")
        for attr in ("units", "long_name"):
            if attr not in array.attrs:
                raise RunError(f"variable {name!r} lacks {attr}")
    if "loss" not in run and "absent" not in run.attrs:
        raise RunError("every run must hold 'loss', or say in 'absent' that it has none")
