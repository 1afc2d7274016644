"""Whether the SDE of a loss stands for a training, and in what it deviates, by what a run says of itself.

A scenario that has not run yet says the same things in the same words, so that both are judged alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sdesim.runs.attributes import mapped
from sdesim.runs.validity import step_is_plain

RESHUFFLED, SEQUENTIAL = "reshuffled", "sequential"
CLIPPED, NOT_MEAN = "clipped_gradients", "loss_not_mean"
# What the SDE of the optimizer's own steps leaves out, among the deviations.
BEYOND_STEPS = (CLIPPED, NOT_MEAN, RESHUFFLED, SEQUENTIAL)
# What has a name of its own among the deviations.
_NAMED = ("plain_step", "momentum", "nesterov", "weight_decay", "learning_rates")


def twin_refusals(attrs: Mapping[str, Any]) -> tuple[str, ...]:
    """Why a training has no twin, in sentences; empty where it has one.

    Args:
        attrs: attributes of the run schema, as far as they are known: kind, clients, sampling, sampler,
            readings, mode, modes, loss_reduction, batch_size, untrained_parameters, follows_loss, maximize.
    """
    return tuple(_refusals(attrs))


def _refusals(attrs: Mapping[str, Any]) -> Iterator[str]:
    if attrs.get("kind", "real") != "real":
        yield "a twin is made of a real run, as sdesim.training.record makes it"
    if attrs.get("clients"):
        yield "a run of clients has no twin: between two rounds each follows a loss of its own"
    if attrs.get("sampling") == "sampler":
        yield (
            "a twin needs a run that draws its examples by a known law, this one drew them by "
            f"{attrs.get('sampler', 'a sampler')}: nearest are sampling= and weights="
        )
    if attrs.get("follows_loss"):
        yield "a twin needs learning rates that all seeds share, this run's follow the loss of each"
    if attrs.get("maximize"):
        yield "a twin descends the loss, this run's optimizer climbs it (maximize)"
    if attrs.get("mode") == "eval" and attrs.get("modes"):
        yield (
            "a twin needs losses and probes of the network as it trains, this run's are of evaluation mode, "
            f"where {', '.join(attrs['modes'])} acts differently: give its probes the mode train"
        )


def has_own_law(attrs: Mapping[str, Any]) -> bool:
    """Whether the gradients of a training are other than means of those of fixed examples, drawn alike: its
    twin is then of its own law (`sdesim.training.twinning.training_law`).

    Args:
        attrs: as of `twin_refusals`, with coupled, fixed_batch and clipping.
    """
    reduced = attrs.get("loss_reduction", "mean") != "mean" and attrs.get("batch_size")
    drawn = attrs.get("sampling") == "weighted" or "readings" in attrs
    layers = attrs.get("modes") or attrs.get("coupled") or attrs.get("fixed_batch")
    left = attrs.get("untrained_parameters") or attrs.get("clipping") == "active"
    return bool(reduced or drawn or layers or left)


def step_refusal(dt: float, learning_rate: float) -> str:
    """Why a twin can't have a time step; empty where it can.

    Steps that are η over a whole number meet the run's saved points.
    """
    ratio = learning_rate / dt if dt > 0 else 0.0
    whole = round(ratio)
    if whole >= 1 and abs(ratio - whole) <= 1e-9 * ratio:
        return ""
    return f"dt must be the learning rate {learning_rate:g} over a whole number, got {dt:g}"


def twin_deviations(
    attrs: Mapping[str, Any], *, momentum: float = 0.0, nesterov: bool = False, at_rate: bool = True,
    rate_changes: bool = False,
) -> dict[str, str]:  # fmt: skip
    """In what a training deviates from the SDE that is simulated beside it: name → words for "trains with …".

    Without any the SDE has the drift of the training's steps. These are of the SDE of the loss alone, as a
    compiled scheme walks it: the optimizer's own SDE leaves out `BEYOND_STEPS` alone.

    Args:
        attrs: as of `twin_refusals`, with optimizer, optimizer_class, momentum, nesterov, dampening,
            weight_decay, learning_rates, momentum_changes, clipping, sampling.
        momentum, nesterov: of the scheme that simulates the twin; 0 and false where it has none.
        at_rate: whether its time step is the learning rate, as heavy ball needs.
        rate_changes: whether the learning rate changes on the way.
    """
    held = (momentum, nesterov) if at_rate or not momentum else None
    return dict(_deviations(attrs, held, rate_changes))


def _deviations(
    attrs: Mapping[str, Any], held: tuple[float, bool] | None, rate_changes: bool
) -> Iterator[tuple[str, str]]:
    bare = {k: v for k, v in attrs.items() if k not in _NAMED}
    known = "sde_scheme" in attrs or bool(attrs.get("plain_step")) or step_is_plain(bare)
    if not known:
        name = str(attrs.get("optimizer_class") or attrs.get("optimizer", "an unknown optimizer"))
        yield "optimizer", name.rpartition(".")[2]
    if rate_changes:
        yield "learning_rate_changes", "a learning rate that changes"
    if attrs.get("momentum_changes"):
        yield "momentum_changes", "a momentum that changes"
    if attrs.get("learning_rates"):
        yield "several_rates", "several learning rates"
    if known and (twin_momentum(attrs) != held or held is None):
        yield "momentum", "momentum" if attrs.get("momentum") else "no momentum"
    if attrs.get("weight_decay"):
        yield "weight_decay", "weight decay"
    if attrs.get("clipping") == "active":
        yield CLIPPED, "clipped gradients"
    if attrs.get("loss_reduction") in ("weighted mean", "other", "unknown") and attrs.get("batch_size"):
        yield NOT_MEAN, "a loss that is not the mean of those of single examples"
    if attrs.get("sampling") == "epoch":
        yield RESHUFFLED, "shuffled epochs"
    if attrs.get("sampling") == "sequential":
        yield SEQUENTIAL, "examples in turn"


def deviations_left(deviations: Mapping[str, str], noises: Sequence[Any]) -> dict[str, str]:
    """Those that remain under these noises: one that is drawn without replacement has the epochs' own law,
    one of a training's own gradients their clipping, which full gradients have too."""
    drawn = any(getattr(noise, "sampling", None) == "epoch" for noise in noises)
    cut = not noises or any(getattr(noise, "clips", False) for noise in noises)
    met = {RESHUFFLED: drawn, CLIPPED: cut}
    return {name: words for name, words in deviations.items() if not met.get(name, False)}


def twin_momentum(attrs: Mapping[str, Any]) -> tuple[float, bool] | None:
    """(β, Nesterov) of the heavy ball that a training is, as its optimizer's kind says or of torch's SGD, (0,
    false) for plain steps; None where SGD is neither, because the gradient is dampened."""
    told = mapped(attrs, "sde_scheme")
    if told:
        return float(told.get("momentum", 0.0)), bool(told.get("nesterov", False))
    momentum = float(attrs.get("momentum") or 0.0)
    if momentum and attrs.get("dampening"):
        return None
    return momentum, bool(attrs.get("nesterov", False)) and momentum > 0


def twin_warning(deviations: Mapping[str, str], trained: str = "the run") -> str:
    """One sentence on the drift; empty where the SDE has that of the training.

    Epochs, which nearly all trainings have and which change the noise, are left to the flags.
    """
    words = [words for name, words in deviations.items() if name not in (RESHUFFLED, SEQUENTIAL)]
    if not words:
        return ""
    return f"the SDE follows the gradient of the loss alone, but {trained} trains with {' and '.join(words)}"
