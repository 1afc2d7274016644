"""A torch network with its minibatch sampler as a `GradientOracle`."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.func import grad, vmap

from sdesim.errors import RunError, first_line
from sdesim.estimators.core.covariance import GradientMoments, GradientTraces
from sdesim.estimators.curvature.differences import difference_curvature, difference_hvp
from sdesim.kinds.numbers import as_reals, one_of, whole
from sdesim.kinds.spelling import short
from sdesim.networks.fully_connected import as_dense, one_hot, one_hot_mse, parameter_groups
from sdesim.networks.outer_products import fits, outer_gradients
from sdesim.runs.sizes import costly
from sdesim.training.data.batches import length, rows_of
from sdesim.training.data.weighting import draw_rows, probabilities
from sdesim.training.probes.example_moments import example_moments, example_traces
from sdesim.training.probes.network_call import NetworkCall
from sdesim.training.probes.placed import Part, Placed
from sdesim.training.probes.reduction import SUM
from sdesim.training.probes.second_derivative import (
    DIFFERENCES,
    TWICE,
    HessianProduct,
    second_derivative,
    split_product,
)
from sdesim.training.probes.streamed import Streamed
from sdesim.training.probes.trial import Trial, tried

Array = NDArray[np.float64]
# How minibatch gradients are made: exactly per layer, many minibatches at once, or one at a time, by
# functional calls or in place.
PATHS = ("outer products", "vmap", "minibatches", "in place")
_OUTER, _VMAP, _SINGLE, IN_PLACE = PATHS
# Most numbers that many minibatches at once hold for activations and gradients: 64 MB.
_ROOM = 8_000_000
MODES = ("train", "eval")


class TorchOracle:
    """Loss, minibatch gradients and Hessian-vector products of a torch network at any θ.

    The network is called as training calls it (`NetworkCall`), in the mode that trains it, and is afterwards
    as it was. A stochastic gradient is that of the loss of ``batch_size`` examples drawn with replacement,
    all alike or with probabilities q. Loss and Hessian are those of the objective that batches of
    ``training_batch`` examples descend:

    - of a mean loss the mean over all N examples, Σ_i q_i ℓ_i under probabilities; of a loss that is a sum
      over the batch, B times that, and gradients of other batch sizes are put on this scale too;
    - where the loss of a batch is no such mean (class weights, ignored labels), or examples meet in the
      network (batch normalisation): the mean of the losses of batches of B, on one fixed partition of the
      examples into ⌊N/B⌋ of them, without the rest; under probabilities, on as many batches drawn by them.

    Random layers draw the same numbers in each evaluation of loss and Hessian, and others in each gradient.

    For Linear/activation networks under torch's mean cross-entropy or squared error, gradients are exact
    per-layer outer products δᵀa / B; any other network goes through `torch.func`, as many minibatches at once
    as 64 MB hold, and one whose layers don't allow that (batch normalisation in training, branches on values)
    through autograd, one minibatch at a time, in place where a functional call gives another gradient than
    training's. ``path`` is the way taken, a word of `PATHS`. Hessian-vector products are by double backward,
    or by differences of gradients where a check at the first one finds that wrong: ``hvp_method``, a word of
    `second_derivative.METHODS`.

    θ is float64 (d,) in `named_parameters` order; the work is done in the network's own numbers, float32 for
    half precision.

    Args:
        module: the network, whose weights don't matter.
        loss_fn: ``loss_fn(output, y)`` → scalar loss of a batch.
        x: inputs (N, …), a tensor, or a tuple or dict of them (`batches`).
        y: labels or targets (N, …).
        batch_size: B of the gradients.
        weights: probabilities q (N,); None: 1/N each. The loss must then be a mean over the examples.
        training_batch: B of the training; None: batch_size.
        mode: "train": every part of the module in the mode that it is in; "eval": all in evaluation.
        modes: of every part, in place of those that they are in.
        trial: what is known of network and loss; None: tried when first needed.
        seed: of what random layers draw for loss and Hessian.
        only: of every parameter, whether θ holds it; the others stay as they are. None: all.

    Raises:
        RunError: if batch_size is below 1, x and y differ in length, mode is no word of `MODES`, or weights
            are no probabilities.
    """

    def __init__(
        self, module: nn.Module, loss_fn: Callable[..., Any], x: Any, y: Any, batch_size: int,
        weights: Tensor | None = None, *, training_batch: int | None = None, mode: str = "train",
        modes: Sequence[bool] | None = None, trial: Trial | None = None, seed: int = 0,
        only: Sequence[bool] | None = None,
    ) -> None:  # fmt: skip
        batch_size = whole(batch_size, "batch_size", error=RunError)
        if isinstance(module, type) or not hasattr(module, "named_parameters"):
            raise RunError(f"module must be a torch.nn.Module, got {short(module)}")
        if not callable(loss_fn):
            raise RunError(f"loss_fn must be a function of an output and y, got {short(loss_fn)}")
        check_mode(mode)
        n, m = length(x), length(y)
        if n != m or not n:
            raise RunError(f"x and y must be equally long and not empty, got {n} and {m} examples")
        own = [part.training for part in module.modules()] if modes is None else list(modes)
        self._modes = own if mode == "train" else [False] * len(own)
        self.module, self.loss_fn, self.x, self.y, self._n = module, loss_fn, x, y, n
        self.weights = None if weights is None else probabilities(weights, y)
        self.batch_size, self.training_batch = int(batch_size), int(training_batch or batch_size)
        self.called = NetworkCall(module, loss_fn, self._modes, only=only)
        self.groups = held_groups(module, self.called.only)
        self.dim, self._dtype, self.seed = self.called.dim, self.called.dtype, seed
        dense = as_dense(module, loss_fn) if self.called.only is None else None
        self._classes = dense.widths[-1] if dense and loss_fn is one_hot_mse else 0
        self._dense = dense if dense is not None and fits(dense, x, self._targets(y)) else None
        self.path = _VMAP if self._dense is None else _OUTER
        # Torch's own layers and losses need no check.
        self.hvp_method, self.hvp_error = "" if self._dense is None else TWICE, 0.0
        self._trial = Trial("mean", ()) if self._dense is not None else None
        self._chunk: int | None = None
        # Why there are no exact moments; whether norms of examples were found not to be had.
        self.inexact, self._no_norms = "", False
        if trial is not None and self._dense is None:
            self._use(trial)
        # Lanczos asks for many products at one θ: the graph of its gradient is kept for the next call.
        self._product: HessianProduct | None = None

    @property
    def trial(self) -> Trial:
        """What a few examples tell of network and loss."""
        if self._trial is None:
            self._use(tried(self.module, self.loss_fn, self.x, self.y, self.training_batch, self._modes))
        assert self._trial is not None
        return self._trial

    @property
    def examples(self) -> int:
        """N."""
        return self._n

    @property
    def shares(self) -> Array:
        """The probabilities q (N,) with which examples are drawn."""
        if self.weights is None:
            return np.full(self._n, 1.0 / self._n)
        return self.weights.double().cpu().numpy()

    @property
    def modes(self) -> tuple[bool, ...]:
        """Of every part of the network in readings: whether it is in training."""
        return tuple(self._modes)

    @property
    def plain(self) -> bool:
        """Whether network and loss are plain layers under torch's mean losses, which need no check."""
        return self._dense is not None

    def _use(self, trial: Trial) -> None:
        self._trial = trial
        self.called = NetworkCall(
            self.module,
            self.loss_fn,
            self._modes,
            in_place=trial.in_place,
            hooks=trial.hooks,
            only=self.called.only,
        )
        if trial.in_place:
            self.path = IN_PLACE

    def loss(self, theta: Array) -> float:
        """The training objective at theta (d,)."""
        self._check(theta)
        trial, total, batches = self.trial, 0.0, self._batches()
        with self.called.open(), torch.no_grad():
            flat = self.called.point(theta)
            for k, rows in enumerate(batches):
                x, y, weights = self._chosen(rows)
                self.called.reseed(self.seed + k)
                if trial.in_place:
                    with self.called.weights(flat):
                        total += float(self.called.placed(x, y, weights))
                else:
                    total += float(self.called.functional(flat, x, y, weights))
                self.called.reset()
        return total * self._scale() / len(batches)

    def gradient(self, theta: Array) -> Array:
        """Gradient (d,) of the training objective at theta (d,)."""
        self._check(theta)
        _, batches = self.trial, self._batches()
        return self._objective_gradient(self.called, theta, batches)

    def _objective_gradient(
        self, called: NetworkCall, theta: Array, batches: Sequence[Tensor | None]
    ) -> Array:
        total = np.zeros(self.dim)
        # Differences are of the loss: hooks that bend the gradient of a step are left out.
        with called.open(gradient_hooks=False):
            flat = called.point(theta)
            for k, rows in enumerate(batches):
                x, y, weights = self._chosen(rows, called)
                called.reseed(self.seed + k)
                total += called.gradient(flat, x, y, weights)[1]
        return total * (self._scale() / len(batches))

    def _batches(self) -> list[Tensor | None]:
        """Examples of the batches whose mean loss is the objective; None stands for all."""
        n, size = self._n, self.training_batch
        if not self.trial.in_batches or (size >= n and self.weights is None):
            return [None]
        rng, count = np.random.default_rng(0), max(1, n // size)
        if self.weights is not None:
            rows = draw_rows(n, self.weights, (count, size), rng)
        else:
            rows = rng.permutation(n)[: count * size].reshape(count, size)
        return list(torch.from_numpy(rows))

    def parts(self) -> list[Part]:
        """Batches of the training's size, whose factors times losses add up to the training objective."""
        size, seed = self.training_batch, self.seed
        if self.trial.in_batches:
            batches = self._batches()
            return [
                Part(self.x, self.y, rows, None, 1.0 / len(batches), seed + k)
                for k, rows in enumerate(batches)
            ]
        whole = self._scale() if self.trial.reduction == SUM or self.weights is not None else None
        found = []
        for k, at in enumerate(range(0, self._n, size)):
            rows = slice(at, min(at + size, self._n))
            weights = None if self.weights is None else self.weights[rows].to(self.called.device)
            share = (rows.stop - at) / self._n if whole is None else whole
            found.append(Part(self.x, self.y, rows, weights, share, seed + k))
        return found

    def draws(self, n: int, rng: np.random.Generator) -> list[Part]:
        """The same of n independent minibatches, whose gradients are stochastic ones."""
        scale = self.training_batch / self.batch_size if self.trial.reduction == SUM else 1.0
        batches = [(x, y, chosen) for x, y, rows in self.drawn(n, rng, alone=True) for chosen in rows]
        seeds = rng.integers(2**62, size=len(batches))
        return [
            Part(x, y, rows, None, scale, int(seed))
            for (x, y, rows), seed in zip(batches, seeds, strict=True)
        ]

    def streamed(self) -> Streamed:
        """Readings at the weights where the network stands, that hold no more than one gradient."""
        hooks = self.trial.hooks
        called = NetworkCall(
            self.module, self.loss_fn, self._modes, in_place=True, hooks=hooks, only=self.called.only
        )
        return Streamed(Placed(called), self.parts(), self.seed)

    def _chosen(
        self, rows: Tensor | None, called: NetworkCall | None = None
    ) -> tuple[Any, Any, Tensor | None]:
        """x, y and weights of one batch of the objective, which a call may write to."""
        called = called or self.called
        if rows is None:
            weights = None if self.weights is None else self.weights.to(called.device)
            return called.inputs(self.x), called.inputs(self.y), weights
        return called.inputs(rows_of(self.x, rows)), called.inputs(rows_of(self.y, rows)), None

    def _scale(self) -> float:
        """Factor from a sum over all examples to that over a batch of the training's size."""
        if self.trial.reduction != SUM or self.trial.in_batches:
            return 1.0
        return float(self.training_batch) if self.weights is not None else self.training_batch / self._n

    def drawn(
        self, n: int, rng: np.random.Generator, *, alone: bool = False
    ) -> Iterable[tuple[Any, Any, Tensor]]:
        """n independent minibatches in parts: x, y and indices (k, B) into them.

        Args:
            alone: whether all parts are asked for before anything else is drawn from rng.
        """
        n = whole(n, "n", error=RunError)
        if not hasattr(rng, "integers"):
            raise RunError(f"rng must be a numpy.random.Generator, got {short(rng)}")
        rows = draw_rows(self._n, self.weights, (n, self.batch_size), rng)
        return [(self.x, self.y, torch.from_numpy(rows))]

    def gradients(self, theta: Array, n: int, rng: np.random.Generator) -> Array:
        """n independent minibatch gradients at theta (d,): (n, d)."""
        parts = self.drawn(n, rng)
        return np.concatenate([self.gradients_at(theta, x, y, rows, rng) for x, y, rows in parts])

    def gradients_of(self, theta: Array, rows: Tensor, rng: np.random.Generator) -> Array:
        """Gradients at theta (d,) of the minibatches ``rows`` (n, B): (n, d); rng seeds random layers."""
        return self.gradients_at(theta, self.x, self.y, rows, rng)

    def gradients_at(self, theta: Array, x: Any, y: Any, rows: Tensor, rng: np.random.Generator) -> Array:
        """The same of minibatches out of other examples x (m, …), y (m, …)."""
        self._check(theta)
        flat, dense = self.called.point(theta), self._dense
        if dense is not None and (x is self.x or fits(dense, x, self._targets(y))):
            with self.called.plainly(), torch.no_grad():
                targets = self._targets(y)
                if self.called.half:
                    x, targets = self.called.inputs(x), self.called.inputs(targets)
                return outer_gradients(dense, flat, x, targets, rows)
        seed, trial = int(rng.integers(0, 2**63)), self.trial
        scale = self.training_batch / rows.shape[1] if trial.reduction == SUM else 1.0
        if self.path == _VMAP:
            try:
                with self.called.open():
                    self.called.reseed(seed)
                    return self._together(flat, x, y, rows) * scale
            except Exception:
                self.path = _SINGLE
        with self.called.open():
            self.called.reseed(seed)
            return self._one_by_one(flat, x, y, rows) * scale

    def _targets(self, y: Any) -> Any:
        """What the outer-product path takes for y."""
        return one_hot(y, self._classes, self._dtype) if self._classes else y

    def _together(self, flat: Tensor, x: Any, y: Any, rows: Tensor) -> Array:
        """Gradients (n, d) of many minibatches at once, in chunks of bounded memory."""
        called = self.called
        if self._chunk is None:
            self._chunk = max(
                1, _ROOM // (self.dim + self._held(flat, rows_of(x, rows[0]), rows_of(y, rows[0])))
            )
        gradient = vmap(
            grad(called.functional), in_dims=(None, 0, 0), randomness="different", chunk_size=self._chunk
        )
        parts = []
        with warnings.catch_warnings():
            # Layers without a rule of their own are looped over, which torch calls a drop in performance.
            warnings.simplefilter("ignore")
            for some in torch.split(rows, self._chunk):  # type: ignore[no-untyped-call,unused-ignore]
                batch = called.inputs(rows_of(x, some)), called.inputs(rows_of(y, some))
                parts.append(gradient(flat, *batch).double().cpu().numpy())
                called.reset()
        return np.concatenate(parts)

    def _held(self, flat: Tensor, x: Any, y: Any) -> int:
        """How many numbers the graph of one minibatch keeps."""
        sizes = []

        def keep(tensor: Tensor) -> Tensor:
            sizes.append(tensor.numel())
            return tensor

        state = torch.random.get_rng_state()
        with saved_tensors_hooks(keep, lambda tensor: tensor):
            batch = self.called.inputs(x), self.called.inputs(y)
            self.called.functional(flat.clone().requires_grad_(True), *batch)
        torch.random.set_rng_state(state)
        self.called.reset()
        return sum(sizes)

    def _one_by_one(self, flat: Tensor, x: Any, y: Any, rows: Tensor) -> Array:
        """Gradients (n, d) of one minibatch after another."""
        out, called = np.empty((len(rows), self.dim)), self.called
        for i, chosen in enumerate(rows):
            try:
                batch = called.inputs(rows_of(x, chosen)), called.inputs(rows_of(y, chosen))
                out[i] = called.gradient(flat, *batch)[1]
            except Exception as error:
                raise RunError(
                    f"probes: no gradient of a batch of {rows.shape[1]}: {first_line(error)}; give "
                    "Probes(batch_size=…) that the network can take"
                ) from error
        return out

    @property
    def covariance_size(self) -> int:
        """Numbers that Σ is made of, N·d."""
        return self._n * self.dim

    def moments(self, theta: Array, covariance: bool = True) -> GradientMoments | None:
        """μ and Σ of a minibatch gradient at theta (d,) from all examples; None where ``inexact`` says why.

        Args:
            covariance: whether Σ is wanted.
        """
        self._check(theta)
        made = example_moments(self, theta, covariance)
        self.inexact = made if isinstance(made, str) else ""
        return None if isinstance(made, str) else made

    def traces(self, theta: Array) -> GradientTraces | None:
        """μ and Tr Σ of each parameter at theta (d,), where norms of the examples' gradients are cheaper than
        these gradients themselves; None elsewhere."""
        self._check(theta)
        if self.plain or self._no_norms:
            return None
        made = example_traces(self, theta)
        if isinstance(made, str):
            self._no_norms = True
            return None
        return made

    def singles(self, theta: Array, n: int, rng: np.random.Generator) -> Array:
        """Gradients at theta (d,) of n single examples, drawn as those of minibatches are: (n, d)."""
        rows = draw_rows(self._n, self.weights, (n, 1), rng)
        return self.gradients_of(theta, torch.from_numpy(rows), rng)

    def hvp(self, theta: Array, v: Array) -> Array:
        """∇²L(theta) v of the training objective, by ``hvp_method``: (d,)."""
        self._check(theta)
        self._check(v, "v")
        _, batches = self.trial, self._batches()
        if not self.hvp_method:
            few = (
                batches[0] if batches[0] is not None else torch.arange(min(self._n, self.training_batch, 64))
            )
            found = second_derivative(
                self.module, self.loss_fn, self._modes, self.called,
                rows_of(self.x, few), rows_of(self.y, few), theta, self.seed,
            )  # fmt: skip
            self.hvp_method, self.hvp_error = found.method, found.error
        if self.hvp_method == DIFFERENCES:
            called = self.called
            return difference_hvp(
                lambda point: self._objective_gradient(called, point, batches), theta, v,
                dtype=str(called.accuracy).removeprefix("torch."),
            )  # fmt: skip
        if self._product is None:
            scale = self._scale() / len(batches)
            self._product = HessianProduct(
                self.called, [self._chosen(rows) for rows in batches], scale, self.seed
            )
        return self._product(theta, v)

    @property
    def costly(self) -> bool:
        """Whether products with the Hessian are to be spared; told by the sizes alone."""
        return costly(self._n, self.dim, self._dense is not None, len(self._batches()))

    def of_some(self, rows: Tensor) -> TorchOracle:
        """That of some of the examples, all alike, with what is known of network and loss."""
        made = TorchOracle(
            self.module, self.loss_fn, rows_of(self.x, rows), rows_of(self.y, rows), self.batch_size,
            training_batch=self.training_batch, modes=self._modes, trial=self.trial, seed=self.seed,
            only=self.called.only,
        )  # fmt: skip
        made.path, made.hvp_method, made.hvp_error = self.path, self.hvp_method, self.hvp_error
        return made

    def split_hvps(
        self, theta: Array, count: int, rng: np.random.Generator
    ) -> Callable[[Array], Array] | None:
        """v (count, d) ↦ H_i v_i at theta (d,), where the H_i are of shares of the examples dealt out at
        random, so that E H_i = ∇²L: together the work of one product.

        None where they can't be dealt out: too few, weighted, or with products that are differences.
        """
        self._check(theta)
        batches = self._batches()
        number = self._n if batches[0] is None else len(batches)
        if self.weights is not None or self.hvp_method != TWICE or number < count:
            return None
        dealt = [np.sort(part) for part in np.array_split(rng.permutation(number), count)]
        if batches[0] is None:
            shares = [[self._chosen(torch.from_numpy(rows))] for rows in dealt]
            whole = self.trial.reduction == SUM
            scales = [self._scale() * (number / len(rows) if whole else 1.0) for rows in dealt]
        else:
            shares = [[self._chosen(batches[k]) for k in some] for some in dealt]
            scales = [1.0 / len(some) for some in dealt]
        product = split_product(self.called, shares, scales, self.seed)
        return lambda v: product(theta, v)

    def sharpness(self, theta: Array, v: Array) -> float:
        """vᵀ∇²L v/|v|² at theta (d,) along v (d,) from three losses, without any derivative."""
        kind = "float64" if self.called.accuracy == torch.float64 else "float32"
        return difference_curvature(self.loss, theta, v, dtype=kind)

    def _check(self, theta: Array, name: str = "theta") -> None:
        found = as_reals(theta, name, RunError).shape
        if found != (self.dim,):
            raise RunError(f"{name} must have shape ({self.dim},), got {found}")


def check_mode(mode: str) -> None:
    """Refuse a mode that is none.

    Raises:
        RunError: naming it.
    """
    one_of(mode, MODES, "mode", RunError)


class MaskedOracle:
    """A `GradientOracle` of the surviving coordinates alone; the others are fixed at 0.

    Args:
        oracle: of all D coordinates.
        mask: booleans (D,), d of them true.
    """

    def __init__(self, oracle: TorchOracle, mask: NDArray[np.bool_]) -> None:
        self._oracle, self._mask = oracle, mask
        self.dim = int(mask.sum())
        self.groups = masked_groups(oracle.groups, mask)

    def _embed(self, vector: Array) -> Array:
        full = np.zeros(len(self._mask))
        full[self._mask] = vector
        return full

    def loss(self, theta: Array) -> float:
        """Mean loss over all examples at theta (d,)."""
        return self._oracle.loss(self._embed(theta))

    def gradients(self, theta: Array, n: int, rng: np.random.Generator) -> Array:
        """n independent minibatch gradients at theta (d,): (n, d)."""
        return self._oracle.gradients(self._embed(theta), n, rng)[:, self._mask]

    @property
    def covariance_size(self) -> int:
        """That of all coordinates."""
        return self._oracle.covariance_size

    @property
    def inexact(self) -> str:
        """Why there are no exact moments."""
        return self._oracle.inexact

    def moments(self, theta: Array, covariance: bool = True) -> GradientMoments | None:
        """Those of the surviving coordinates."""
        whole = self._oracle.moments(self._embed(theta), covariance)
        return None if whole is None else whole.among(self._mask)

    def hvp(self, theta: Array, v: Array) -> Array:
        """The surviving rows and columns of ∇²L(theta), times v: (d,)."""
        return self._oracle.hvp(self._embed(theta), self._embed(v))[self._mask]

    @property
    def costly(self) -> bool:
        """Whether products with the Hessian are to be spared."""
        return self._oracle.costly

    def of_some(self, rows: Tensor) -> MaskedOracle:
        """That of some of the examples."""
        return MaskedOracle(self._oracle.of_some(rows), self._mask)

    def split_hvps(
        self, theta: Array, count: int, rng: np.random.Generator
    ) -> Callable[[Array], Array] | None:
        """Those of all coordinates, their surviving rows and columns."""
        split = self._oracle.split_hvps(self._embed(theta), count, rng)
        if split is None:
            return None
        return lambda v: split(np.stack([self._embed(row) for row in v]))[:, self._mask]


def held_groups(module: nn.Module, only: Sequence[bool] | None) -> dict[str, slice]:
    """The slices of θ of each group, where θ holds some of the parameters; empty for groups without any."""
    groups = parameter_groups(module)
    if only is None or all(only):
        return groups
    return _among(groups, coordinates(module, only))


def masked_groups(groups: Mapping[str, slice], mask: NDArray[np.bool_]) -> dict[str, slice]:
    """The slices of the surviving coordinates of each group; groups without any are left out."""
    return {name: s for name, s in _among(groups, mask).items() if s.stop > s.start}


def coordinates(module: nn.Module, only: Sequence[bool]) -> NDArray[np.bool_]:
    """The coordinates (D,) of the parameters that are held."""
    return np.concatenate([np.full(p.numel(), h) for p, h in zip(module.parameters(), only, strict=True)])


def _among(groups: Mapping[str, slice], mask: NDArray[np.bool_]) -> dict[str, slice]:
    before = np.concatenate([[0], np.cumsum(mask)])
    return {name: slice(int(before[s.start]), int(before[s.stop])) for name, s in groups.items()}
