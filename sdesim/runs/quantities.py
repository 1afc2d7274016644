"""The one table of quantities: what each is called, what it needs, and where it is shown.

`measure`, `expect`, `compare`, `rank`, the monitor, reports, sweeps and the docs read this table; nothing
else lists quantities. A quantity of one's own is a function of a run and a row, which `quantity` adds, or an
entry point in the group ``sdesim.quantities`` of an installed package::

    @sdesim.quantity("gradient_scale", label=r"$|g|$", needs=("gradient",))
    def gradient_scale(run, measured):
        "Root mean square of a gradient."
        return (run["signal"] + run["noise"]) ** 0.5      # or (value, low, high), each (trajectory, probe)

It is then measured, expected, compared, summarised and drawn like ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeVar

from sdesim.errors import RunError
from sdesim.runs.measures.capped import critical_batch_hessian
from sdesim.runs.measures.read_off import critical_batch, edge_ratio, gradient_agreement
from sdesim.runs.measures.sampling import reshuffling_effect, unseen_drift
from sdesim.runs.quantity_row import (
    GROUP,
    NEEDS,
    OF_C,
    OF_THE_LOSS,
    PHASES,
    POSITIVE,
    SHARE,
    STEP,
    WELL,
    WHOLE,
    Quantity,
)
from sdesim.runs.schema import VARIABLES
from sdesim.support import Support

ENTRY_POINTS = "sdesim.quantities"
# What a measurement holds beside the value itself, as ``name_low``.
SIDES = ("low", "high", "flags", "literal", "method", "reason")
_NAME = re.compile(r"[A-Za-z]\w*")
_GRADIENT, _CURVATURE, _BOTH = ("gradient",), ("curvature",), ("gradient", "curvature")
_TAILS = (0.0, 2.0)
_SQUARE = "(loss/parameter)^2"
F = TypeVar("F", bound=Callable[..., Any])

_ROWS = (
    Quantity("loss", "full training loss", "training loss", "loss", "Loss", units="loss", dims=STEP,
             needs=("loss",), compared=True, ranked=True, figure="loss", swept=("end",), support=POSITIVE,
             plain="training loss", heading="what it learns"),
    Quantity("weight_norm", "Euclidean norm of the parameters", r"$|\theta|$", title="Weight norm",
             units="parameter", dims=STEP, needs=("norm",), compared=True, ranked=True, figure="weight_norm",
             support=POSITIVE, plain="weight norm |θ|", heading="where it ends"),
    Quantity("train_accuracy", "share of training examples classified correctly", "train accuracy",
             title="Train accuracy", dims=STEP, needs=("labels",), scaled=False, compared=True,
             figure="accuracy", support=SHARE, plain="training accuracy", heading="what it learns"),
    Quantity("test_loss", "loss on the test set", "test loss", title="Test loss", units="loss", dims=STEP,
             needs=("test data",), figure="loss", support=POSITIVE, heading="what it learns"),
    Quantity("test_accuracy", "share of test examples classified correctly", "test accuracy",
             title="Test accuracy", dims=STEP, needs=("labels", "test data"), scaled=False, ranked=True,
             figure="accuracy", swept=("end",), support=SHARE, heading="what it learns"),
    Quantity("learning_rate", "learning rate of the next step", r"learning rate $\eta$",
             title="Learning rate", units="parameter^2/loss", dims=STEP, needs=("training",),
             support=POSITIVE),
    Quantity("C_alpha", "consolidation ratio |μ|²/Tr Σ at the training batch",
             r"consolidation ratio $C_\alpha$", r"$C_\alpha$", "Consolidation ratio", needs=_GRADIENT,
             threshold=1.0, debiased=True, literal=True, compared=True, ranked=True, monitored=True,
             figure="consolidation", swept=("mean", "end"), support=POSITIVE,
             plain="signal to noise C", heading="its gradient"),
    Quantity("C_1", "consolidation ratio of single examples, C_alpha/B", r"$C_1$",
             title="Consolidation ratio of single examples", needs=_GRADIENT, debiased=True, monitored=True,
             support=POSITIVE, follows="C_alpha", heading="its gradient"),
    Quantity("critical_batch", "batch at which signal and noise are alike, 1/C_1 (McCandlish's B_simple)",
             r"critical batch $1/C_1$", r"$B_{\mathrm{crit}}$", "Critical batch", needs=_GRADIENT,
             monitored=True, support=POSITIVE, debiased=True, function=critical_batch, figure="further",
             plain="critical batch", heading="its gradient", follows="C_alpha"),
    Quantity("critical_batch_hessian", "batch at which the best step up to the edge of stability gains half "
             "of what it gains without noise, from Tr HΣ, μᵀHμ and λ_max",
             "critical batch with Hessian", r"$B_{\mathrm{crit}}(H)$", "Critical batch with Hessian",
             needs=_BOTH, monitored=True, support=POSITIVE, debiased=True, function=critical_batch_hessian,
             figure="further", plain="critical batch with Hessian", heading="its gradient"),
    Quantity("C_star", "value of C_alpha above which a step lowers the loss on average", r"$C^*$",
             title="Critical consolidation ratio", needs=_BOTH, literal=True, monitored=True,
             figure="consolidation"),
    Quantity("C_star_trapezoid", "C_star without a Hessian, from gradients at both ends of a step",
             r"$C^*$ (trapezoid)", title="Critical consolidation ratio, trapezoid",
             needs=("gradient", "virtual steps"), monitored=True),
    Quantity("eta_star", "learning rate of the steepest expected descent of the optimizer that runs",
             r"$\eta^*$", title="Learning rate of steepest descent", units="parameter^2/loss", needs=_BOTH,
             monitored=True, support=POSITIVE),
    Quantity("progress", "change of the training objective over one step of the optimizer, measured",
             r"progress $\Delta L$", title="Measured progress", units="loss", needs=("progress",),
             threshold=0.0, scaled=False, monitored=True),
    Quantity("progress_heldout", "the same of the held-out examples", r"held-out $\Delta L$",
             title="Measured progress, held out", units="loss",
             needs=("progress", "training", "test data"), threshold=0.0, scaled=False, monitored=True),
    Quantity("gradient_agreement", "cosine between the mean gradients of training and held-out examples",
             r"$\cos(\nabla L, \nabla L_{\mathrm{held\,out}})$", title="Agreement of the gradients",
             needs=("held-out gradients",), threshold=0.0, scaled=False, monitored=True,
             support=(-1.0, 1.0), function=gradient_agreement, plain="train and held-out gradients' cosine"),
    Quantity("p", "share of the signal, C/(1+C)", title="Signal share p", needs=_GRADIENT, threshold=0.5,
             scaled=False, debiased=True, literal=True, compared=True, monitored=True, figure="probability",
             support=SHARE, follows="C_alpha", heading="its gradient"),
    Quantity("odds", "p/(1−p), which is C_alpha", title="Odds of the signal", needs=_GRADIENT, threshold=1.0,
             debiased=True, literal=True, figure="consolidation", support=POSITIVE,
             follows="C_alpha", heading="its gradient"),
    Quantity("direction_probability", "share of gradient draws that point along the mean of the others",
             "draws along the mean", title="Direction of the draws", needs=_GRADIENT, threshold=0.5,
             scaled=False, literal=True, support=SHARE),
    Quantity("signal", "squared norm |μ|² of the mean gradient", r"signal $|\bar g|^2$", title="Signal",
             units=_SQUARE, needs=_GRADIENT, debiased=True, literal=True, compared=True,
             figure="signal_noise", support=POSITIVE, plain="mean gradient |ḡ|²", heading="its gradient"),
    Quantity("noise", "trace Tr Σ of the gradients' covariance at the training batch", r"noise Tr $\Sigma$",
             title="Noise", units=_SQUARE, needs=_GRADIENT, compared=True, ranked=True,
             figure="signal_noise", support=POSITIVE, plain="gradient noise Tr Σ", heading="its noise"),
    Quantity("tail_index", "tail index of the gradient noise, 2 is Gaussian", r"tail index $\alpha$",
             title="Tail index", needs=_GRADIENT, literal=True, compared=True, monitored=True,
             figure="geometry", swept=("mean",), debiased=True, support=_TAILS,
             plain="noise tail index α", heading="its noise"),
    Quantity("d_H", "effective dimension deduced from the tail index (an hypothesis)", r"$d_H$",
             title="Effective dimension", needs=_GRADIENT, literal=True, compared=True, monitored=True,
             figure="geometry", support=_TAILS, follows="tail_index", heading="its noise"),
    Quantity("trajectory_dimension", "correlation dimension of the path around the probe", "path dimension",
             title="Dimension of the path", needs=("path",), compared=True, figure="geometry",
             support=POSITIVE, plain="path dimension", heading="where it ends"),
    Quantity("participation_ratio", "number of directions that the same stretch of path fills",
             "participation ratio", title="Participation ratio of the path", needs=("path",),
             support=POSITIVE),
    Quantity("lyapunov_drift", "expected rate of change of the loss", r"drift $\mathcal{L}V$",
             title="Lyapunov drift", units="loss/time", needs=_BOTH, threshold=0.0, literal=True,
             compared=True, monitored=True, figure="lyapunov",
             plain="drift of the loss", heading="its gradient"),
    Quantity("unseen_drift", "expected rate of change of the loss over the next step, drawn from what the "
             "epoch has left", "drift over the unseen", title="Drift over the unseen examples",
             units="loss/time", needs=_BOTH, threshold=0.0, scaled=False, function=unseen_drift,
             figure="further"),
    Quantity("reshuffling_effect", "by how much drawing from the rest of an epoch changes the expected rate "
             "of the loss over the next step; in a monitor the most that it does on average",
             "effect of reshuffling", title="Effect of reshuffling", units="loss/time", needs=_BOTH,
             threshold=0.0, scaled=False, monitored=True, function=reshuffling_effect, figure="further"),
    Quantity("C_precision", "half of the interval of C_alpha over max(C_alpha, C_star), where a precision is "
             "asked for", r"precision of $C_\alpha$", title="Precision of C", needs=("gradient", "precision"),
             function=lambda run, measured: _reached(run, measured), support=POSITIVE),
    Quantity("lyapunov_exponent", "rate at which neighbouring paths part, since the last probe",
             r"exponent $\Lambda$", title="Lyapunov exponent", units="1/time", needs=("tangent",),
             threshold=0.0, scaled=False, figure="lyapunov"),
    Quantity("lambda_max", "largest eigenvalue of the Hessian", r"$\lambda_{\max}$",
             title="Largest curvature", units="loss/parameter^2", needs=_CURVATURE, scaled=False,
             literal=True, compared=True, ranked=True, monitored=True, figure="curvature", swept=("end",),
             plain="sharpness λmax", heading="where it ends"),
    Quantity("lambda_min", "smallest eigenvalue of the Hessian", r"$\lambda_{\min}$",
             title="Smallest curvature", units="loss/parameter^2", needs=_CURVATURE, threshold=0.0),
    Quantity("preconditioned_lambda_max",
             "largest eigenvalue of the Hessian in the metric of an optimizer such as Adam",
             r"$\lambda_{\max}$ of $P^{-1}H$", title="Largest preconditioned curvature",
             units="1/learning_rate", needs=("curvature", "preconditioner"), scaled=False, monitored=True,
             figure="edge"),
    Quantity("critical_sharpness", "eigenvalue from which the optimizer is unstable",
             r"$\lambda_{\mathrm{crit}}$", title="Critical sharpness", units="1/learning_rate",
             needs=("curvature", "optimizer"), scaled=False, figure="edge",
             function=lambda run, _: run["critical_sharpness"]),
    Quantity("S", "stability margin 2(1 − λ/λ_crit), above 0 is stable", "stability margin S", "S",
             "Stability margin", needs=_CURVATURE, threshold=0.0, scaled=False, literal=True, compared=True,
             monitored=True, figure="curvature", swept=("end",),
             follows="lambda_max", heading="where it ends"),
    Quantity("edge_ratio", "curvature as the optimizer meets it over where it loses stability, 1 at the edge",
             r"$\lambda/\lambda_{\mathrm{crit}}$", title="Distance to the edge", needs=_CURVATURE,
             threshold=1.0, scaled=False, monitored=True, figure="edge", function=edge_ratio,
             follows="lambda_max", plain="edge λ/λcrit", heading="where it ends"),
    Quantity("I", "the source's index p·(S/2)/d_H (a heuristic)", title="Intelligence coefficient I",
             needs=_BOTH, threshold=0.0, scaled=False, literal=True, compared=True, monitored=True,
             figure="intelligence", follows="C_alpha", heading="its gradient"),
    Quantity("C_clients", "C of the changes that the clients make in the round that begins, one draw each: "
             "how far they pull the same way", "C of the changes", title="Clients' changes",
             needs=("clients",), debiased=True, figure="clients", support=POSITIVE),
    Quantity("C_1_merged", "C of single examples, merged from each client's (n_k, ḡ_k, s_k): exactly that of "
             "all examples", "$C_1$ merged", needs=("clients",), figure="clients", support=POSITIVE),
    Quantity("C_1_client_mean", "mean of the clients' own C of single examples, as if each client reported "
             "one number", "$C_1$ (mean; thin: merged)", title="Mean of the clients' $C_1$",
             needs=("clients",), figure="clients", support=POSITIVE),
    Quantity("C_group", "C_alpha of each parameter group", "$C$", title="Consolidation ratio of a layer",
             dims=GROUP, needs=("gradient", "groups"), threshold=1.0, debiased=True, literal=True,
             figure="layers", support=POSITIVE),
    Quantity("phase", "where the interval of C_alpha lies against that of C_star", title="Phase",
             needs=_BOTH, words=PHASES, means=OF_THE_LOSS, compared=True, figure="phases"),
    Quantity("phase_literal", "where the literal C lies against 1", title="Phase of the source",
             needs=_GRADIENT, words=PHASES, means=OF_C, compared=True, figure="phases_literal"),
    Quantity("C_alpha_smooth", "C_alpha, smoothed over the probes of a trajectory",
             r"$C_\alpha$, smoothed", title="Consolidation ratio, smoothed", needs=_GRADIENT, threshold=1.0,
             debiased=True, smoothed=True, figure="consolidation", support=POSITIVE),
    Quantity("C_star_smooth", "C_star, smoothed over the probes", r"$C^*$, smoothed",
             title="Critical consolidation ratio, smoothed", needs=_BOTH, smoothed=True,
             figure="consolidation"),
    Quantity("C_excess_smooth", "C_alpha less C_star, smoothed over the probes; its sign is the phase",
             r"$C_\alpha - C^*$, smoothed", title="Excess over the critical ratio, smoothed", needs=_BOTH,
             threshold=0.0, scaled=False, smoothed=True),
    Quantity("progress_smooth", "progress, smoothed over the probes", r"$\Delta L$, smoothed",
             title="Measured progress, smoothed", units="loss", needs=("progress",), threshold=0.0,
             scaled=False, smoothed=True),
    Quantity("progress_heldout_smooth", "progress_heldout, smoothed over the probes",
             r"held-out $\Delta L$, smoothed", title="Measured progress, held out, smoothed", units="loss",
             needs=("progress", "training", "test data"), threshold=0.0, scaled=False, smoothed=True),
    Quantity("phase_smooth", "the phase of the smoothed series: where that of C_alpha lies against that of "
             "C_star, or whether that of progress falls", title="Phase, smoothed", needs=_BOTH, words=PHASES,
             means=OF_THE_LOSS, smoothed=True, figure="phases"),
    Quantity("final_loss", "training loss at the end", units="loss", dims=WHOLE, needs=("loss",),
             figure="loss", support=POSITIVE, plain="final training loss"),
    Quantity("final_accuracy", "test accuracy at the end, or train accuracy where nothing is tested",
             dims=WHOLE, needs=("labels",), figure="accuracy", support=SHARE, plain="final accuracy"),
    Quantity("exit_time.mean", "mean time of the first exit", "mean exit time", title="Exit time",
             units="time", dims=WHOLE, needs=("exit event",), figure="exits", swept=("whole run",),
             support=POSITIVE, plain="mean exit time"),
    Quantity("exit_time.median", "median time of the first exit", "median exit time", units="time",
             dims=WHOLE, needs=("exit event",), figure="exits", support=POSITIVE, plain="median exit time"),
    Quantity("theta_tail_index", "stable index of the last parameters over trajectories",
             r"tail index of $\theta$", dims=WHOLE, needs=("theta",), figure="", support=POSITIVE,
             plain="tail index of the parameters"),
    Quantity("theta_tail_exponent", "Hill's exponent of any power-law tail of the last parameters",
             r"tail exponent of $\theta$", dims=WHOLE, needs=("theta",), figure="", support=POSITIVE,
             plain="tail exponent of the parameters"),
    Quantity("occupancy", "share of time in each well", "share of time", title="Time in each well", dims=WELL,
             needs=("occupancy event",), figure="occupancy", support=SHARE, plain="share of time in"),
)  # fmt: skip
_OURS = frozenset(row.name for row in _ROWS)
_registered: dict[str, Quantity] = {}
_packages: dict[str, str] = {}
_entry_points_are_loaded = False


def _reached(run: Any, measured: Any) -> Any:
    # The table loads nothing that runs.
    from sdesim.runs.measures.exact import reached_precision

    return reached_precision(run, measured)


def quantities() -> tuple[Quantity, ...]:
    """All rows: ours, then those of installed packages, then those registered in this process.

    Raises:
        RunError: an installed package names a quantity that can't be loaded.
    """
    _load_entry_points()
    return (*_ROWS, *_registered.values())


def names(keep: Callable[[Quantity], bool]) -> tuple[str, ...]:
    """Names of the rows that `keep` keeps, in the table's order."""
    return tuple(row.name for row in quantities() if keep(row))


def root_of(name: str) -> str:
    """The quantity that this one is computed from; itself where it tells something of its own."""
    row = lookup(name)
    return (row.follows if row is not None else "") or name


def independent(given: Iterable[str]) -> list[str]:
    """Of these names those that tell something of their own: none that is computed from another of them, and
    of several that are computed from one that is absent the first."""
    chosen: dict[str, str] = {}
    kept = list(dict.fromkeys(given))
    for name in kept:
        root = root_of(name)
        if root == name or root not in kept:
            chosen.setdefault(root, name)
    return list(chosen.values())


def lookup(name: str) -> Quantity | None:
    """The row of a name; None if there is none.

    Args:
        name: of a quantity, its literal form ``name_literal``, a part of it ``name.part``, or the share of
            one of its words ``name_fraction.word``.
    """
    rows = {row.name: row for row in quantities()}
    if name in rows:
        return rows[name]
    head, _, part = name.partition(".")
    worded = rows.get(head.removesuffix("_fraction"))
    if worded is not None and head != worded.name and part in worded.words:
        return worded
    plain = rows.get(head.removesuffix("_literal"))
    if plain is None or (part and not plain.parted):
        return None
    if head == plain.name:
        return plain
    if not plain.literal:
        return None
    label = f"{plain.label}, literal"
    return replace(
        plain,
        name=head,
        label=label,
        symbol=label,
        plain=f"{plain.plain}, literal",
        literal=False,
        debiased=False,
    )


def meanings(name: str) -> dict[str, str]:
    """What each word of a quantity in words says is measured; of phases that the table does not know, the
    words themselves."""
    row = lookup(name)
    return row.meanings if row is not None and row.words else {word: word for word in PHASES}


def support_of(name: str) -> Support:
    """What a number of the table, its literal form, a part of it, or a share of a word can be; anything for a
    name that is not in the table.

    A literal form is never freed of a bias, so chance carries none of its values beyond its support.
    """
    row = lookup(name)
    if row is None:
        return Support()
    return replace(row.within, debiased=row.within.debiased and not name.endswith("_literal"))


def number(name: str) -> Quantity | None:
    """The row of a name that stands for one number at a time, as an expectation needs it, not for a word or
    several parts at once; None for others."""
    row = lookup(name)
    several = row is not None and (row.parted or bool(row.words)) and "." not in name
    return None if several else row


def known_names() -> tuple[str, ...]:
    """All names that `number` knows, with … for a part that only a run knows."""
    found: list[str] = []
    for row in quantities():
        if row.words:
            found += [f"{row.name}_fraction.{word}" for word in row.words]
        else:
            found.append(f"{row.name}.…" if row.parted else row.name)
    return tuple(found)


def smooths(wanted: Iterable[str]) -> bool:
    """Whether one of these names is of a smoothed series, which `measure` is to be asked for."""
    return any(row.smoothed for row in map(lookup, wanted) if row is not None)


def quantity(name: str, **row: Any) -> Callable[[F], F]:
    """Decorator that adds a quantity to the table, computed by the function it stands on.

    Args:
        name: of the quantity.
        row: further fields of `Quantity`; meaning: default the first line of the function's docstring. With
            ``compared=True`` it is compared where none are named; all that are share one level of error.

    Raises:
        RunError: as `register`.
    """

    def add(function: F) -> F:
        first = (function.__doc__ or "").strip().partition("\n")[0].rstrip(".")
        register(Quantity(name, **{"meaning": first, **row, "function": function}))
        return function

    return add


def register(row: Quantity) -> Quantity:
    """Add a row; one with the same name from the same place (a module that is loaded again) is replaced.

    Raises:
        RunError: a name that is taken or can't be one, a need that does not exist, dims other than
            (trajectory, probe), or no function.
    """
    if not _NAME.fullmatch(row.name) or row.name.rpartition("_")[2] in SIDES:
        ends = ", ".join(f"_{side}" for side in SIDES)
        raise RunError(f"found quantity {row.name!r}, allowed: letters, digits and _, not ending in {ends}")
    before = _registered.get(row.name)
    if row.name in _OURS or row.name in VARIABLES or (before is not None and _origin(before) != _origin(row)):
        raise RunError(f"found quantity {row.name!r}, which exists already: choose another name")
    for need in row.needs:
        if need not in NEEDS:
            raise RunError(f"quantity {row.name}: found the need {need!r}, allowed: {', '.join(NEEDS)}")
    if row.function is None or not row.probed:
        raise RunError(f"quantity {row.name} needs a function that gives numbers over (trajectory, probe)")
    _registered[row.name] = row
    return row


def unregister(name: str) -> None:
    """Take a registered quantity out of the table again."""
    _registered.pop(name, None)


def packages() -> dict[str, str]:
    """The package and version, or else the module, of each quantity that is not ours."""
    return {
        row.name: _packages.get(row.name, _origin(row)[0]) for row in quantities() if row.name not in _OURS
    }


def _origin(row: Quantity) -> tuple[str, str]:
    """Where a row's function was defined."""
    return getattr(row.function, "__module__", ""), getattr(row.function, "__qualname__", "")


def _load_entry_points() -> None:
    """Load once what installed packages name in the group ``sdesim.quantities``: rows, or functions whose
    import registers them."""
    global _entry_points_are_loaded
    if _entry_points_are_loaded:
        return
    from importlib.metadata import entry_points

    for point in entry_points(group=ENTRY_POINTS):
        try:
            found = point.load()
        except Exception as error:
            raise RunError(f"quantity {point.name!r} of {point.value} can't be loaded: {error}") from error
        if isinstance(found, Quantity):
            register(found)
        elif point.name not in _registered:
            raise RunError(f"quantity {point.name!r} of {point.value}: found {found!r}, which registers none")
        if point.dist is not None:
            name = found.name if isinstance(found, Quantity) else point.name
            _packages[name] = f"{point.dist.name} {point.dist.version}"
    _entry_points_are_loaded = True
