"""The twin of a recorded run: the SDE that should imitate it, under one noise model after another."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from torch import nn

from sdesim.compiled.streams import TWIN, sequence
from sdesim.engine import simulate
from sdesim.errors import RunError
from sdesim.kinds.numbers import one_of
from sdesim.noise import Context, Gaussian, Minibatch, Noise, Stable
from sdesim.optimizers.sde import Form
from sdesim.runs.schema import check_run
from sdesim.runs.twin_rules import deviations_left, twin_warning
from sdesim.runs.validity import step_is_plain
from sdesim.training.loop.recipe import Recipe
from sdesim.training.loop.record import record
from sdesim.training.loop.svag import amplified_noise, check_factor
from sdesim.training.twinning.noise_fit import NoiseFit, fit_noise, longest_deviation
from sdesim.training.twinning.plan import TwinPlan, plan_twin, recipe_of_run

TWIN_NOISES = ("none", "minibatch", "isotropic", "stable", "stable-truncated", "subsample")
"""Noise models of `twin`; "subsample" at dt = η is SGD itself."""

_FITTED = ("isotropic", "stable", "stable-truncated")


def twin(
    run: xr.Dataset,
    module: nn.Module | Recipe,
    loss_fn: Callable[..., Any] | None = None,
    train: Any = None,
    test: Any = None,
    noise: str = "minibatch",
    *,
    dt: float | None = None,
    form: Form | None = None,
    chunk: int | None = None,
    trajectories: int | None = None,
    seed: int | None = None,
    fit: NoiseFit | None = None,
    threads: int | None = None,
    progress: bool | Callable[[int, int], None] = True,
    name: str = "",
) -> xr.Dataset:
    """Simulate the SDE that should imitate a recorded run.

    It moves by the SDE of the run's own optimizer at the rates of its own schedule, weight decay and groups
    with it (`sdesim.optimizers`, `Base.sde`); the gradient in it is the network's own, with noise. Start,
    duration, saved points and probes are the run's. Noise models:

    - "none": no noise, at dt = η gradient descent, for dt → 0 gradient flow;
    - "minibatch": Gaussian with the full covariance (η/2)Σ(θ) of the minibatch gradient at every θ;
    - "isotropic": Gaussian, D = (η/2)(Tr Σ/d) I with the recorded mean trace;
    - "stable": isotropic α-stable, index and scale fitted to the recorded gradients (`fit_noise`);
    - "stable-truncated": the same, no step longer than the longest of the minibatch noise,
      √(η dt) max_i |∇ℓ_i − ∇L|;
    - "subsample": −√(η dt)(g_B − ∇L) by drawing minibatches; at dt = η SGD itself.

    The last and "minibatch" draw as the run did: of a run by shuffled epochs without replacement, its steps
    being correlated as those of an epoch are (`noise.Minibatch`), else with replacement.

    The fitted models have one level of noise throughout, the mean over the run, though that of training
    falls as the loss does; the minibatch models follow it.

    Plain Linear/activation networks by SGD or heavy ball at one rate are compiled (`surfaces.MLP`), with the
    map of the optimizer itself for a momentum at dt = η. All others are walked by torch in float64, on the
    network's device, a step of share h = dt/η of the optimizer's at a time: at dt = η, where the map is the
    optimizer with other noise, and towards its SDE for smaller dt.

    What the SDE leaves out, such as clipped gradients, stands in the attribute `twin_deviations` and in a
    warning; shuffled epochs in the attribute alone.

    Args:
        run: a real run.
        module: the recipe by which it was recorded, or its module, with loss_fn, train and test beside it,
            which is enough for SGD at one rate.
        loss_fn, train, test: as in `Recipe`.
        noise: the noise model.
        dt: time step, η divided by a whole number; default η, of a schedule the one that it is relative to.
        form: of a momentum: "underdamped", with a state of its own, or "overdamped", its limit in which it
            lengthens every step by (1 − dampening)/(1 − β). Default the first.
        chunk: so many trajectories at once, for the memory that they take; no number depends on it.
        trajectories: default as many as the run has; more only where seeds began at one point or drew fresh
            weights.
        seed: default one that depends on the run's seed and the noise model.
        fit: of the run's noise, so that it need not be made again.
        threads, progress, name: as in `simulate`.

    Returns:
        The Run, whose time is Σ η, so that it compares with the recorded one; `sde_time` is the clock of the
        optimizer's SDE, such as Σ η² of Adam. Attributes
        `twin_noise`, `twin_deviations` where there are any, and as far as the noise has them `twin_alpha`,
        `twin_scale`, `twin_truncation`, `twin_trace`; `batch_size` is that of the run imitated.

    Raises:
        RunError: the run has no twin (`runs.twin_rules.twin_refusals`), its optimizer no SDE, or it was not
            made by this recipe.
    """
    one_of(noise, TWIN_NOISES, "noise", RunError)
    plan = plan_twin(
        run,
        _recipe(run, module, loss_fn, train, test),
        dt=dt,
        trajectories=trajectories,
        form=form,
        chunk=chunk,
    )
    noises, facts = noises_of(plan, noise, fit)
    doubt = twin_warning(deviations_left(plan.deviations, noises))
    if doubt:
        warnings.warn(doubt, stacklevel=2)
    return _simulated(
        plan, noises, facts, seed=_seed(run, noise, seed), threads=threads, progress=progress,
        name=name or noise,
    )  # fmt: skip


def twins(
    run: xr.Dataset,
    module: nn.Module | Recipe,
    loss_fn: Callable[..., Any] | None = None,
    train: Any = None,
    test: Any = None,
    noises: Sequence[str] = TWIN_NOISES,
    **settings: Any,
) -> dict[str, xr.Dataset]:
    """The twins of a run under several noise models, by name; settings as in `twin`.

    Raises:
        RunError: as `twin`.
    """
    if settings.get("fit") is None and any(n in _FITTED for n in noises):
        settings["fit"] = fit_noise(run)
    recipe = _recipe(run, module, loss_fn, train, test)
    return {n: twin(run, recipe, noise=n, **settings) for n in noises}


def svag(
    run: xr.Dataset,
    module: nn.Module | Recipe,
    loss_fn: Callable[..., Any] | None = None,
    train: Any = None,
    test: Any = None,
    factors: Sequence[int] = (1, 2, 4),
    *,
    trajectories: int | None = None,
    seed: int | None = None,
    threads: int | None = None,
    progress: bool | Callable[[int, int], None] = True,
) -> dict[int, xr.Dataset]:
    """An optimizer with amplified noise and shorter steps, by factor l: l = 1 is itself, l → ∞ its SDE.

    SGD: θ ← θ − (η/l) [(1+s)/2 ∇L_B + (1−s)/2 ∇L_B′], s = √(2l−1), with independent minibatches B and B′: the
    covariance is l times as large and l times as many steps are made, so the SDE stays the same. SGD with
    momentum or weight decay, Adam, AdamW, RMSprop and any at a schedule are trained again, with `amplify` of
    the recipe: runs as of `record`, without probes, with seeds of their own. Whether the limit is fair,
    `sdesim.comparison.sde_limit` says of what this returns.

    Args:
        run, module, loss_fn, train, test, trajectories, seed, threads, progress: as in `twin`.
        factors: l, whole numbers from 1.

    Raises:
        RunError: as `twin`; no short steps are known for the optimizer, or the run has no minibatches drawn
            with replacement; a factor is not a whole number.

    Source: Z. Li, S. Malladi & S. Arora, NeurIPS (2021), arXiv 2102.12470, section 4; of Adam and RMSprop
    Malladi, Lyu, Panigrahi & Arora, NeurIPS (2022), arXiv 2205.10287.
    """
    for factor in factors:
        check_factor(factor, "factors must be whole numbers")
    recipe, found = _recipe(run, module, loss_fn, train, test), {}
    rates = np.asarray(run["learning_rate"].values)
    if not step_is_plain(run.attrs) or np.ptp(rates[np.isfinite(rates)]) > 0:
        for factor in factors:
            again = replace(
                recipe, amplify=int(factor), seed=_seed(run, f"svag{factor}", seed),
                trajectories=run.sizes["trajectory"] if trajectories is None else trajectories,
            )  # fmt: skip
            made = record(
                again, save=("theta", "loss") if "theta" in run else ("loss",), progress=progress,
                save_every=int(run["step"].values[1]), name=f"svag l={factor}",
            )  # fmt: skip
            found[int(factor)] = made.assign_attrs(svag_factor=int(factor))
        return found
    for factor in factors:
        eta = float(run.attrs["learning_rate"])
        plan = plan_twin(run, recipe, dt=eta / factor, trajectories=trajectories)
        _needs_batches(plan, "noise amplification")
        _needs_examples(plan, "noise amplification")
        noises = amplified_noise(plan.surface, plan.batch_size, plan.learning_rate, factor)
        facts = {"twin_noise": "svag", "svag_factor": int(factor)}
        found[int(factor)] = _simulated(
            plan, noises, facts, seed=_seed(run, f"svag{factor}", seed), threads=threads, progress=progress,
            name=f"svag l={factor}",
        )  # fmt: skip
    return found


def _recipe(
    run: xr.Dataset, module: nn.Module | Recipe, loss_fn: Callable[..., Any] | None, train: Any, test: Any
) -> Recipe:
    """The recipe given, or that of the run."""
    check_run(run)
    if isinstance(module, Recipe):
        if any(part is not None for part in (loss_fn, train, test)):
            raise RunError("a recipe has its loss_fn, train and test: leave them out beside it")
        return module
    if loss_fn is None or train is None:
        raise RunError("give a Recipe, or loss_fn and train beside the module")
    return recipe_of_run(run, module, loss_fn, train, test)


def noises_of(plan: TwinPlan, noise: str, fit: NoiseFit | None = None) -> tuple[list[Noise], dict[str, Any]]:
    """The driving noises of a model and what the run's attributes say of them."""
    eta = plan.learning_rate
    facts: dict[str, Any] = {"twin_noise": noise}
    if noise == "none":
        return [], facts
    _needs_batches(plan, f"noise {noise!r}")
    if noise in ("minibatch", "subsample"):
        law = "gaussian" if noise == "minibatch" else "subsample"
        context = Context(
            plan.surface.dim, eta, plan.surface, plan.batch_size, sampling=plan.sampling,
            drop_last=plan.drop_last,
        )  # fmt: skip
        return [Minibatch(law=law).resolved(context)], facts
    fit = fit or fit_noise(plan.run)
    if noise == "isotropic":
        facts["twin_trace"] = fit.trace
        return [Gaussian(diffusion=0.5 * eta * fit.trace / plan.surface.dim)], facts
    facts |= {"twin_alpha": fit.index, "twin_scale": fit.scale}
    limit = None
    if noise == "stable-truncated":
        _needs_examples(plan, f"noise {noise!r}")
        limit = float(np.sqrt(eta * plan.dt)) * longest_deviation(plan.run, plan.surface)
        facts["twin_truncation"] = limit
    return [Stable(fit.index, fit.scale, structure="isotropic", truncation=limit)], facts


def _needs_batches(plan: TwinPlan, what: str) -> None:
    if not plan.batch_size:
        raise RunError(f"{what} needs minibatches: the run was trained on the full batch, without noise")
    if not plan.surface.kernel().examples:
        raise RunError(f"{what} needs a loss that is the mean of the examples' losses")


def _needs_examples(plan: TwinPlan, what: str) -> None:
    if plan.law is not None:
        raise RunError(
            f"{what} needs gradients that are means of those of fixed examples, which this run's are not: "
            "nearest are noise 'minibatch' and 'subsample'"
        )


def _seed(run: xr.Dataset, label: str, seed: int | None) -> int:
    """The seed given, or one for this noise model that is not the run's own."""
    if seed is not None:
        return seed
    words = [int(run.attrs.get("seed", 0)), TWIN, *label.encode()]
    return int(sequence(*words).generate_state(1, np.uint64)[0] >> np.uint64(1))


def _simulated(plan: TwinPlan, noises: Sequence[Noise], facts: dict[str, Any], **settings: Any) -> xr.Dataset:
    found = simulate(
        plan.surface,
        noises,
        **plan.keywords,
        save=("theta", "loss") if "theta" in plan.run else ("loss",),
        probes=plan.probes,
        evaluate=plan.evaluation,
        **settings,
    )
    return found.assign_attrs(**facts, **plan.attributes(noises))
