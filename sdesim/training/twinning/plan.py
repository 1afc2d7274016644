"""From a recorded run and its recipe to the SDE beside it: surface, start, step, duration, deviations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import nn

from sdesim.engine.schemes.heavy_ball import HeavyBall
from sdesim.errors import RunError
from sdesim.kinds import read
from sdesim.kinds.numbers import whole
from sdesim.kinds.plain import dump_settings
from sdesim.networks.fully_connected import as_dense, flat_parameters, network_surface
from sdesim.optimizers.sde import Form
from sdesim.runs import Probes
from sdesim.runs.attributes import mapped
from sdesim.runs.twin_rules import (
    BEYOND_STEPS,
    NOT_MEAN,
    RESHUFFLED,
    SEQUENTIAL,
    deviations_left,
    has_own_law,
    step_refusal,
    twin_deviations,
    twin_momentum,
    twin_refusals,
)
from sdesim.surfaces import TorchSurface, masked
from sdesim.training.data.batches import takes_whole_batch
from sdesim.training.data.examples import Examples, training_and_test
from sdesim.training.loop.one_seed import isolated_torch, starting_module
from sdesim.training.loop.recipe import Recipe
from sdesim.training.twinning.module_evaluation import ModuleEvaluation
from sdesim.training.twinning.own_steps import Start, optimizer_of_run, own_steps
from sdesim.training.twinning.reasons import sizes_differ, why_losses_differ
from sdesim.training.twinning.training_law import TrainingLaw

Array = NDArray[np.float64]
# A float32 network's loss differs by about this from that of the float64 surface.
_SAME_LOSS = 1e-4


@dataclass(frozen=True, eq=False, kw_only=True)
class TwinPlan:
    """All that simulating a run's twin needs, but the noise.

    Attributes:
        run: the recorded run. recipe: of its training.
        surface: the training loss, compiled where the network allows, else `TorchSurface`.
        starts: where its trajectories begin, (K, d).
        scheme: the steps of the optimizer's own SDE, unless another was asked for: Euler–Maruyama and heavy
            ball where these are it and the network is compiled, else `OptimizerSteps`.
        learning_rate: η at which C, S and C* are read, the recorded one unless another was asked for; of a
            schedule the one that it is relative to.
        dt, steps: time step, η over a whole number, and number of them, which covers the run's time.
        stretch: steps of the twin in one of the run's.
        save_every: such that the run's saved points are the twin's.
        batch_size: B, 0 for full batch.
        trace: Tr Σ at the training batch, mean over the run's trajectories and probes; NaN without probes.
        sampling, drop_last: how the run drew its batches, as of `noise.Minibatch`.
        law: of the training's gradients, where these are no means over fixed examples; then the surface.
        deviations: name → words, in what the training is not what the SDE stands for.
        optimizer: attributes that say by which optimizer's SDE the twin moves, as a recording says them.
    """

    run: xr.Dataset
    recipe: Recipe
    surface: Any
    starts: Array
    scheme: Any
    learning_rate: float
    dt: float
    steps: int
    stretch: int
    save_every: int
    batch_size: int
    trace: float
    sampling: str
    drop_last: bool
    law: TrainingLaw | None
    deviations: dict[str, str]
    optimizer: dict[str, Any] = field(default_factory=dict)

    @property
    def trajectories(self) -> int:
        """How many the twin has."""
        return len(self.starts)

    @property
    def keywords(self) -> dict[str, Any]:
        """Keywords of `simulate`."""
        return {
            "theta0": self.starts, "dt": self.dt, "steps": self.steps, "trajectories": self.trajectories,
            "learning_rate": self.learning_rate, "scheme": self.scheme, "save_every": self.save_every,
        }  # fmt: skip

    def attributes(self, noises: Sequence[Any]) -> dict[str, Any]:
        """What the run of the twin under these noises says of it."""
        found = {
            "batch_size": self.batch_size,
            "probe_batch_size": int(self.run.attrs.get("probe_batch_size", 0)),
        }
        return found | self.told(noises)

    def told(self, noises: Sequence[Any]) -> dict[str, Any]:
        """The same without sizes of batches."""
        left = deviations_left(self.deviations, noises)
        found: dict[str, Any] = {}
        if self.law is not None:
            found |= self.law.attributes
            draws = [noise.draws for noise in noises if getattr(noise, "draws", 0)]
            found |= {"twin_draws": draws[0]} if draws else {}
        return found | self.optimizer | ({"twin_deviations": list(left)} if left else {})

    @property
    def probes(self) -> Probes | None:
        """The recorded run's probes, at the twin's steps."""
        run = self.run
        if "probe" not in run.dims:
            return None
        at = np.asarray(run["probe_step"].values)
        every = int(at[1] - at[0]) if len(at) > 1 else int(run["step"].values[-1])
        groups: dict[Literal["gradient", "curvature"], bool] = {
            "gradient": "signal" in run,
            "curvature": "lambda_max" in run,
        }
        samples = np.asarray(run["gradient_samples"].values) if groups["gradient"] else np.array([64.0])
        found = Probes(
            every * self.stretch,
            int(np.nanmax(samples)),
            int(run.attrs.get("probe_batch_size") or 0) or None,
            tuple(name for name, held in groups.items() if held),
            int(run.attrs.get("probe_trajectories", self.trajectories)),
        )
        if not getattr(self.scheme, "walks", False) or "progress" not in run:
            return found
        counted = np.asarray(run["progress_count"].values)
        branches = int(np.nanmax(counted)) if np.isfinite(counted).any() else found.branches
        return replace(found, estimators=(*found.estimators, "progress"), branches=branches)

    @cached_property
    def evaluation(self) -> Any:
        """Accuracies and test loss at θ: the surface's own, where it has one."""
        recipe = self.recipe
        if self.law is not None:
            return self.law.read
        train, test = _examples(recipe)
        held_out = (None, None) if test is None else (test.x.cpu().numpy(), test.y.cpu().numpy())
        accuracy = train.accuracy(recipe.module, recipe.loss_fn, test)
        if accuracy is None or accuracy.plain:
            own = self.surface.evaluation(*held_out, accuracy is not None)
            if own is not None:
                return own
        return ModuleEvaluation(recipe.module, recipe.loss_fn, train, test, accuracy, recipe.mask)


def plan_twin(
    run: xr.Dataset,
    recipe: Recipe,
    *,
    dt: float | None = None,
    learning_rate: float | None = None,
    steps: int | None = None,
    trajectories: int | None = None,
    save_every: int | None = None,
    scheme: Any = None,
    form: Form | None = None,
    chunk: int | None = None,
    start: Start | None = None,
) -> TwinPlan:
    """Check that a run can have a twin, and lay out what it needs.

    Args:
        run: as `record` made it by the recipe.
        recipe: of the training.
        dt: time step, η over a whole number; default η.
        learning_rate: η; default that of the run, which its optimizer began with before any schedule.
        steps: default as many as cover the run's time, Σ learning rate.
        trajectories: default as many as the run has; more only where seeds began at one point or drew fresh
            weights.
        save_every: default such that the run's saved points are met.
        scheme: default the steps of the optimizer's own SDE.
        form: of a momentum, "underdamped" or "overdamped"; default the first.
        chunk: so many trajectories at once, for the memory that they take; default all.
        start: where it begins, in place of where the run began.

    Raises:
        RunError: the run has no twin (`twin_refusals`), its optimizer no SDE, it was not made by this recipe,
            or an argument is out of range. What only deviates (`twin_deviations`) is laid out and said.
    """
    for sentence in twin_refusals(run.attrs):
        raise RunError(sentence)
    if "trajectory" in run["time"].dims:
        raise RunError("a twin needs learning rates that all seeds share, this run's follow the loss of each")
    recorded_rate = float(run.attrs.get("base_learning_rate", run.attrs["learning_rate"]))
    if not recorded_rate > 0:
        raise RunError("a twin needs a learning rate above 0, the run's optimizer began with 0")
    eta = learning_rate or recorded_rate
    step = eta if dt is None else dt
    if step_refusal(step, eta):
        raise RunError(step_refusal(step, eta))
    law = _law(run, recipe)
    train, test = _examples(recipe) if law is None else (law.train, law.test)
    if sizes_differ(run, recipe, train):
        raise RunError(sizes_differ(run, recipe, train))
    surface = _surface(recipe, train) if law is None else law
    if start is None:
        starts = _starts(run, recipe, run.sizes["trajectory"] if trajectories is None else trajectories)
        _check_same(run, recipe, train, test, surface, starts)
    else:
        starts = start.theta
    stretch = max(1, round(recorded_rate / step))
    made: dict[str, Any] = {}
    compiled = _scheme(run, scheme)
    deviations = twin_deviations(
        run.attrs,
        momentum=float(getattr(compiled, "momentum", 0.0)),
        nesterov=bool(getattr(compiled, "nesterov", False)),
        at_rate=step == recorded_rate,
        rate_changes=_rate_changes(run, recorded_rate),
    )
    own = (scheme is None or scheme.chooses) and not (
        law is None and form is None and chunk is None and start is None and _compiled(recipe, train)
        and set(deviations) <= {RESHUFFLED, SEQUENTIAL}
    )  # fmt: skip
    if own:
        if eta != recorded_rate:
            raise RunError(
                f"learning_rate must be that of the run, {recorded_rate:g}, for a twin by the steps of its "
                f"own optimizer, got {eta:g}"
            )
        compiled, made = own_steps(
            run, recipe, train, surface, steps=steps, stretch=stretch, form=form, chunk=chunk, start=start
        )
        beyond = set(BEYOND_STEPS) - ({NOT_MEAN} if law is not None else set())
        deviations = {name: words for name, words in deviations.items() if name in beyond}
    elif law is not None:
        raise RunError(
            "a training whose gradients are no means over fixed examples has a twin by the steps of its own "
            "optimizer alone: leave scheme out"
        )
    elif form is not None or chunk is not None:
        raise RunError("form and chunk are of the optimizer's own SDE: leave scheme out")
    if eta != recorded_rate:
        deviations["learning_rate"] = f"the learning rate {recorded_rate:g}"
    if steps is None:
        last = int(run["step"].values[-1])
        steps = last * stretch if own else max(1, round(float(run["time"].values[-1]) / step))
    return TwinPlan(
        run=run,
        recipe=recipe,
        surface=surface,
        starts=starts,
        scheme=compiled,
        learning_rate=eta,
        dt=step,
        steps=steps,
        stretch=stretch,
        # The last gap between saved steps may be short.
        save_every=save_every or int(np.diff(run["step"].values).max()) * stretch,
        batch_size=int(run.attrs.get("batch_size") or 0),
        trace=_trace(run),
        sampling="epoch" if run.attrs.get("sampling") == "epoch" else "with-replacement",
        drop_last="last_batch" not in run.attrs,
        law=law,
        deviations=deviations,
        optimizer=made,
    )


def _law(run: xr.Dataset, recipe: Recipe) -> TrainingLaw | None:
    """The law of the training's own gradients, where they are no means over fixed examples.

    Raises:
        RunError: the recipe lacks what makes them so.
    """
    if not (has_own_law(run.attrs) or takes_whole_batch(recipe.loss_fn)):
        return None
    told = {
        "augment": ("readings" in run.attrs and bool(run.attrs.get("augment")), recipe.augment),
        "clip": (run.attrs.get("clipping") == "active", recipe.clip),
    }
    for name, (needed, given) in told.items():
        if needed and given is None:
            raise RunError(f"the run was recorded with {name}: give the recipe in place of the module")
    law = TrainingLaw(recipe)
    if "readings" in run.attrs and law.train.reader is None:
        raise RunError(
            "the run read its examples anew each time, these are the same at every reading: give the recipe "
            "by which it was recorded"
        )
    batch = int(run.attrs.get("batch_size") or 0)
    if (law.order.batch_size or 0) != batch:
        raise RunError(
            f"the run has batch_size {batch or 'none'}, the recipe {law.order.batch_size or 'none'}: give "
            "the recipe by which it was recorded"
        )
    cut = mapped(run.attrs, "clip")
    if cut and recipe.clip is not None and cut != dump_settings(recipe.clip):
        raise RunError(f"the run's gradients were clipped by {cut}, the recipe's by {recipe.clip}")
    drawn, wanted = law.order.sampling, str(run.attrs.get("sampling", ""))
    if (drawn == "weighted") != (wanted == "weighted"):
        raise RunError(
            f"the run drew its examples by sampling {wanted}, the recipe by {drawn}: give the recipe by "
            "which it was recorded"
        )
    return law


def _compiled(recipe: Recipe, train: Examples) -> bool:
    """Whether the network's loss has compiled kernels."""
    return as_dense(recipe.module, recipe.loss_fn) is not None and train.x.ndim == 2


def recipe_of_run(
    run: xr.Dataset, module: nn.Module, loss_fn: Callable[..., Any], train: Any, test: Any
) -> Recipe:
    """The recipe by which a run was made, as far as its twin needs it, from its attributes and what it was
    recorded with.

    Raises:
        RunError: the run began with given parameters and does not hold them.
    """
    init: Any = str(run.attrs.get("init", "module"))
    if init == "given":
        if "theta" not in run:
            raise RunError(
                "the run began with given parameters and does not hold them: record it with theta in save"
            )
        init = np.asarray(run["theta"][:, 0].values, dtype=np.float64)
    return Recipe(
        module, loss_fn, train, test, optimizer_of_run(run), steps=max(1, int(run["step"].values[-1])),
        init=init, batch_size=int(run.attrs.get("batch_size") or 0) or None,
        seed=int(run.attrs.get("seed", 0)), trajectories=run.sizes["trajectory"],
    )  # fmt: skip


def _parameter(module: nn.Module) -> nn.Parameter:
    parameter = next(iter(module.parameters()), None)
    if parameter is None:
        raise RunError("the module has no parameters to train")
    return parameter


def _examples(recipe: Recipe) -> tuple[Examples, Examples | None]:
    """Training and test examples.

    Raises:
        RunError: not of a form that the SDE's surface takes.
    """
    if takes_whole_batch(recipe.loss_fn):
        raise RunError("a twin needs a loss_fn(output, y): a training with objective= has none")
    train, test = training_and_test(
        recipe.train, recipe.test, _parameter(recipe.module).dtype, unpack=recipe.reading
    )
    if not (torch.is_tensor(train.x) and torch.is_tensor(train.y)):
        raise RunError("a twin needs x and y in one tensor each: give a network that splits x itself")
    return train, test


def _surface(recipe: Recipe, train: Examples) -> Any:
    """The training loss as a function of the parameters that are trained."""
    module, loss_fn, mask = recipe.module, recipe.loss_fn, recipe.mask
    if _compiled(recipe, train):
        return network_surface(module, train.x, train.y, loss_fn, mask)
    surface = TorchSurface(module, loss_fn, train.x, train.y)
    return surface if mask is None else masked(surface, mask, 0.0)


def _starts(run: xr.Dataset, recipe: Recipe, count: int) -> Array:
    """θ₀ (count, d): as recorded, else drawn as the recording drew it."""
    held = run.sizes["trajectory"]
    count = whole(count, "trajectories", error=RunError)
    if count > held and recipe.starts is not None:
        raise RunError(f"trajectories must be at most {held}, got {count}: the run's starts were given")
    if "theta" in run and count <= held:
        return np.asarray(run["theta"][:count, 0].values, dtype=np.float64)
    with isolated_torch():
        alike = isinstance(recipe.init, str) and recipe.init == "module"
        made = [flat_parameters(starting_module(recipe, k)) for k in range(1 if alike else count)]
    starts = np.stack(made * count if alike else made)
    return starts if recipe.mask is None else starts[:, recipe.mask]


def _check_same(
    run: xr.Dataset, recipe: Recipe, train: Examples, test: Examples | None, surface: Any, starts: Array
) -> None:
    """Refuse a network, loss or data that are not the run's.

    Raises:
        RunError: another loss at the start, and why.
    """
    recorded = np.asarray(run["loss"].values[: len(starts), 0], dtype=np.float64)
    found = np.asarray(surface.loss(starts[: len(recorded)]))
    if not np.allclose(found, recorded, rtol=_SAME_LOSS, atol=1e-8):
        raise RunError(why_losses_differ(run, recipe, train, test, starts[0], float(found[0])))


def _rate_changes(run: xr.Dataset, recorded: float) -> bool:
    """Whether a schedule made any rate another than the optimizer's, be it the same all along."""
    rates = np.asarray(run["learning_rate"].values, dtype=np.float64)
    rates = rates[np.isfinite(rates)]
    return bool(rates.size and np.abs(rates - recorded).max() > 1e-12 * max(recorded, rates.max()))


def _scheme(run: xr.Dataset, asked: Any) -> Any:
    """The scheme asked for, else what the run's steps are as one, as its optimizer or torch's SGD says."""
    if asked is not None and not asked.chooses:
        return asked
    if "sde_scheme" in run.attrs:
        told: Any = read("schemes", mapped(run.attrs, "sde_scheme"))
    else:
        momentum, nesterov = twin_momentum(run.attrs) or (0.0, False)
        told = HeavyBall(momentum, nesterov) if momentum else "euler-maruyama"
    # What chooses knows of jumps; a map with a momentum is no choice of its.
    return told if asked is None or bool(getattr(told, "momentum", 0.0)) else asked


def _trace(run: xr.Dataset) -> float:
    if "noise" not in run:
        return float("nan")
    batch = float(run.attrs.get("batch_size") or 0)
    probed = float(run.attrs.get("probe_batch_size") or batch)
    # Means of independent examples have noise ∝ 1/B.
    scale = (batch or probed) / probed if probed else 1.0
    return float(np.nanmean(run["noise"].values / scale))
