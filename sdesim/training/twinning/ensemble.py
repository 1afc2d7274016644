"""The trajectories of a twin: weights and optimizer states in torch, moved by an optimizer's SDE."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdesim.compiled.streams import PROGRESS
from sdesim.estimators.dynamics.progress import mean_change
from sdesim.optimizers.sde import Input, OptimizerSDE
from sdesim.runs.probes import probe_rng
from sdesim.runs.schema import BLOW_UP
from sdesim.surfaces.torch.functions import own_tensor
from sdesim.training.twinning.drawn_noise import GAUSSIAN, DrawnNoise, Noise

if TYPE_CHECKING:
    from sdesim.engine.plan import Plan
    from sdesim.training.twinning.optimizer_steps import OptimizerSteps, Part

Array = NDArray[np.float64]
RUNNING, DIVERGED = 0, 1


class TwinEnsemble:
    """All trajectories of a twin at one step, as `sdesim.engine.ensemble.Ensemble` has them.

    A step of share h feeds the optimizer's SDE a ∇L(θ) + b ξ for each of its inputs. Minibatch noise needs
    one backward pass over all examples weighted a/n + b w_i, or at h = 1 one over the minibatch alone. A
    trajectory whose weights are no longer finite is NaN from there on, status 1.

    Args:
        plan: what is simulated. scheme: of it.
    """

    reducing = None

    def __init__(self, plan: Plan, scheme: OptimizerSteps) -> None:
        self.plan, self._scheme, self._evaluator = plan, scheme, scheme.evaluator
        self.threads = scheme.evaluator.threads
        self._share = 1.0 / scheme.stretch
        self._theta = self._taken(own_tensor(plan.theta0))
        names = dict.fromkeys(n for p in scheme.parts for n in p.equations[0].state_names)
        self._state = {n: torch.zeros_like(self._theta) for n in names}
        for part in scheme.parts:
            for columns in part.columns:
                first = part.equations[0].initial(self._theta[:, columns])
                for name, values in first.items():
                    self._state[name][:, columns] = values
        for name, values in scheme.state.items():
            self._state[name][...] = self._taken(values)
        count = plan.trajectories
        self._code = np.zeros(count, dtype=np.int8)
        self._stopped = np.full(count, plan.steps, dtype=np.int64)
        draws = {one.draw for part in scheme.parts for one in part.equations[0].inputs(self._share)}
        self._noise = [DrawnNoise(plan, self._share, k) for k in range(max(draws, default=0) + 1)]
        for part in scheme.parts:
            # What a noise does not go with is told before anything is written.
            for index in self._noise[0].indices:
                part.equations[0].inputs(self._share, index)

    def _taken(self, values: Tensor) -> Tensor:
        return values.to(self._evaluator.device, torch.float64, copy=True)

    def advance(
        self, start: int, end: int, saves: NDArray[np.int64], outputs: tuple[Array, ...], column: int
    ) -> None:
        """Step from ``start`` to ``end``, saving at the given step numbers; as of `Ensemble.advance`."""
        wanted = {int(step): column + k for k, step in enumerate(saves)}
        if start in wanted:
            self._save(outputs, wanted[start])
        at = start
        while at < end:
            until = min(noise.stretch(end - at) for noise in self._noise) + at
            for noise in self._noise:
                noise.open(at, until)
            for step in range(at, until):
                self._step(step)
                if step + 1 in wanted:
                    self._save(outputs, wanted[step + 1])
            at = until

    def _save(self, outputs: tuple[Array, ...], column: int) -> None:
        theta, projection, norm, loss = outputs
        points = self._theta.cpu().numpy()
        if theta.shape[1]:
            theta[:, column] = points
        with np.errstate(over="ignore", invalid="ignore"):
            if projection.shape[1] and projection.shape[2]:
                # Row by row: the last bits of a product of matrices depend on how many rows there are.
                for k, point in enumerate(points):
                    projection[k, column] = self.plan.saved_directions @ point
            if norm.shape[1]:
                norm[:, column] = np.sqrt(np.sum(points * points, axis=1))
        if loss.shape[1]:
            running = np.flatnonzero(self._code == RUNNING)
            loss[:, column] = np.nan
            if len(running):
                found = [self._evaluator.losses(self._theta[rows]) for rows in self._chunks()]
                loss[:, column] = torch.cat(found).cpu().numpy()
            loss[self._code != RUNNING, column] = np.nan

    def _chunks(self) -> list[slice]:
        """Rows that are taken together, a multiple of the evaluator's width, on which no bit depends."""
        count, width = self.plan.trajectories, max(1, self._evaluator.width)
        chunk = self._scheme.chunk or count
        size = max(width, chunk // width * width)
        return [slice(at, min(at + size, count)) for at in range(0, count, size)]

    def _step(self, step: int) -> None:
        drawn = [noise.at(step) for noise in self._noise]
        for rows in self._chunks():
            some = [_among(one, rows) for one in drawn]
            state = {name: values[rows] for name, values in self._state.items()}
            self._move(self._theta[rows], state, some, step)
        # NaN is the largest of its row, and below nothing; no float32 is beyond its ∞.
        bound = min(BLOW_UP, torch.finfo(self._theta.dtype).max)
        near = self._theta.abs().amax(1) < bound
        lost = ~near.cpu().numpy() & (self._code == RUNNING)
        if lost.any():
            self._code[lost] = DIVERGED
            self._stopped[lost] = step + 1
            gone = torch.from_numpy(lost).to(self._theta.device)
            for values in (self._theta, *self._state.values()):
                values[gone] = torch.nan

    def _move(self, theta: Tensor, state: Mapping[str, Tensor], drawn: list[Noise], step: int) -> None:
        """One step of rows of trajectories, in place."""
        scheme, share = self._scheme, self._share
        whole, s = scheme.place(step)
        asked: dict[tuple[Input, ...], Tensor] = {}
        told: list[tuple[Part, list[tuple[Input, ...]]]] = []
        for part in scheme.parts:
            wanted = _wanted(part.equation(whole), share, drawn)
            told.append((part, wanted))
            asked |= dict.fromkeys(wanted)  # type: ignore[arg-type]
        found = dict(zip(asked, self._gradients(theta, list(asked), drawn), strict=True))
        for part, wanted in told:
            equation = part.equation(whole)
            for columns in part.columns:
                equation.advance(
                    theta[:, columns],
                    {name: state[name][:, columns] for name in equation.state_names},
                    [found[one][:, columns] for one in wanted],
                    rate=float(part.rates[whole]), share=share, step=s,
                )  # fmt: skip

    def _gradients(self, theta: Tensor, asked: list[tuple[Input, ...]], drawn: list[Noise]) -> list[Tensor]:
        """a ∇L + b ξ for each that is asked for; several passes or weights where they differ."""
        made: list[Tensor | None] = [None] * len(asked)
        examples = self._evaluator.examples
        weights, places = [], []
        batches: dict[int, Tensor] = {}
        plain: Tensor | None = None
        driven: dict[int, list[int]] = {}
        for k, one in enumerate(asked):
            first = one[0]
            noise = drawn[first.draw]
            if noise.driven is not None:
                driven.setdefault(first.draw, []).append(k)
            elif noise.picked is not None and first.gradient == first.noise:
                if first.draw not in batches:
                    batches[first.draw] = self._evaluator.picked(theta, noise.picked)
                made[k] = (
                    batches[first.draw] * first.gradient if first.gradient != 1.0 else batches[first.draw]
                )
            elif noise.weights is not None:
                weights.append(first.gradient / examples + first.noise * noise.weights)
                places.append(k)
            else:
                plain = self._evaluator.gradients(theta) if plain is None else plain
                made[k] = plain * first.gradient if first.gradient != 1.0 else plain
        for draw, some in driven.items():
            pairs = [(asked[k][0].gradient, asked[k][0].noise) for k in some]
            found = drawn[draw].driven.inputs(theta, pairs)
            for k, gradient in zip(some, found, strict=True):
                made[k] = gradient
        if len(weights) == 1:
            made[places[0]] = self._evaluator.weighted(theta, weights[0])
        elif weights:
            several = self._evaluator.weighted(theta, torch.stack(weights, 1))
            for c, k in enumerate(places):
                made[k] = several[:, c]
        result = []
        for one, gradient in zip(asked, made, strict=True):
            assert gradient is not None
            noise = drawn[one[0].draw]
            scales = dict(zip(_indices(noise), one[1:], strict=True))
            for index, values in noise.added:
                gradient = gradient + values.to(gradient) * scales[index].noise
            result.append(gradient)
        return result

    def portable(self) -> dict[str, NDArray[Any]]:
        """The state with the trajectory as its last axis."""
        found: dict[str, NDArray[Any]] = {"x": self._theta.cpu().numpy().T}
        found |= {f"state_{name}": values.cpu().numpy().T for name, values in self._state.items()}
        for draw, noise in enumerate(self._noise):
            found |= {f"{name}_{draw}": values for name, values in noise.memory.items()}
        return found | {"code": self._code, "stopped": self._stopped}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `portable` gave."""
        self._theta[...] = self._taken(own_tensor(np.ascontiguousarray(state["x"].T)))
        for name, mine in self._state.items():
            mine[...] = self._taken(own_tensor(np.ascontiguousarray(state[f"state_{name}"].T)))
        for draw, noise in enumerate(self._noise):
            for name, held in noise.memory.items():
                held[...] = state[f"{name}_{draw}"]
        self._code[...], self._stopped[...] = state["code"], state["stopped"]

    @property
    def memory(self) -> dict[str, Array]:
        """States of the noises that have one, (rows, K) each, by name."""
        return self._noise[0].memory

    def theta(self, trajectory: int) -> Array:
        """The state (d,) of one trajectory."""
        return np.array(self._theta[trajectory].cpu().numpy())

    def status(self) -> NDArray[np.int8]:
        """(K,): 0 running, 1 diverged."""
        return self._code

    def stopped_step(self) -> NDArray[np.int64]:
        """(K,): the step at which a trajectory ended."""
        return self._stopped

    def probe_keywords(self, trajectory: int, step: int) -> dict[str, Any]:
        """What a probe of one trajectory is told of the optimizer as it stands."""
        state = {name: values[trajectory].cpu() for name, values in self._state.items()}
        return self._scheme.reader.keywords(self._theta[trajectory].cpu(), state, self._scheme.place(step)[1])

    def progress(self, trajectory: int, step: int, branches: int) -> dict[str, float]:
        """Change of L over the optimizer's step that comes, from steps that are taken back, each on another
        gradient; nothing of noise without a variance."""
        plan, scheme = self.plan, self._scheme
        if plan.tail_index is not None:
            return {}
        rng = probe_rng(plan.seed ^ PROGRESS, plan.first + trajectory, step)
        whole, s = scheme.place(step)
        point, eta = self.theta(trajectory), plan.learning_rate
        before = self._theta[trajectory : trajectory + 1]
        whole_ones = [noise for noise in plan.noises if hasattr(noise, "step_gradients")]
        if whole_ones:
            # Drift and all: what other noises add comes on top.
            drawn = whole_ones[0].step_gradients(point, branches, rng)
            gradients = self._taken(torch.from_numpy(drawn))
        else:
            gradients = self._evaluator.gradients(before).repeat(branches, 1)
        for noise in plan.noises:
            if not hasattr(noise, "step_gradients"):
                gradients += self._taken(torch.from_numpy(noise.gradient_noise(point, eta, branches, rng)))
        theta = before.repeat(branches, 1)
        for part in scheme.parts:
            equation = part.equation(whole)
            for columns in part.columns:
                state = {
                    name: self._state[name][trajectory : trajectory + 1, columns].repeat(branches, 1)
                    for name in equation.state_names
                }
                equation.advance(
                    theta[:, columns], state, [gradients[:, columns]] * len(equation.inputs(1.0)),
                    rate=float(part.rates[whole]), share=1.0, step=s,
                )  # fmt: skip
        found = (self._evaluator.losses(theta) - self._evaluator.losses(before)).cpu().numpy()
        made = mean_change(np.where(np.isfinite(found), found, np.nan))
        return {
            "progress": made.value, "progress_error": float(made.details["error"]),
            "progress_count": float(branches),
        }  # fmt: skip


def _among(noise: Noise, rows: slice) -> Noise:
    """That of some trajectories."""
    return Noise(
        None if noise.weights is None else noise.weights[rows],
        None if noise.picked is None else noise.picked[rows],
        tuple((index, values[rows]) for index, values in noise.added),
        None if noise.driven is None else noise.driven.among(rows),
    )


def _indices(noise: Noise) -> list[float]:
    return sorted({index for index, _ in noise.added})


def _wanted(equation: OptimizerSDE, share: float, drawn: list[Noise]) -> list[tuple[Input, ...]]:
    """Each input of a step: as examples' noise drives it, then as that of each other index does."""
    others = [equation.inputs(share, index) for index in _indices(drawn[0])]
    base = equation.inputs(share, GAUSSIAN)
    return [(one, *(other[k] for other in others)) for k, one in enumerate(base)]
