"""Readings of networks too large for several gradients at once: one after the other, in two passes.

The first pass over the draws sums gradients, their squares and projections; the second, over the very same
batches and random numbers, gives g·ḡ, and the deviations g − ḡ whose curvature is Tr HΣ. Beside the training
there are ḡ in double precision and one gradient: 12 bytes a parameter of a float32 network; with the Hessian
22, up to 28 where one layer holds nearly all of them. What comes out is what `runs.probe` gives of gradients
that are held together, but for

- λ_max, by Lanczos in four vectors (`estimators.curvature.restarted`), and λ_min, for which there is the
  lowest value that it meets, an upper bound, with its residual;
- Tr HΣ, for which each draw meets the Hessian of another share of the examples, which together are all;
- the formulas of a step that is not −η g, which need all gradients at once and are left out: C*, drift and
  best rate of such optimizers are flagged `gradients_one_by_one`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdesim.errors import failure
from sdesim.estimators.curvature.differences import difference_step
from sdesim.estimators.curvature.restarted import TopPair, top_pair_restarted
from sdesim.io.memory import paged
from sdesim.runs.curvature import FIRST, TOLERANCE, TRACE_DRAWS, RitzVectors, trace_of_terms
from sdesim.runs.directions import SignDirections
from sdesim.runs.probing import gradient_sums
from sdesim.training.probes.placed import Part, Placed, add, dot, norm
from sdesim.training.probes.preconditioning import Scaling
from sdesim.training.probes.second_derivative import DIFFERENCES

Array = NDArray[np.float64]
# Most products of Lanczos; the random part of a start beside the last eigenvector.
_PRODUCTS, _RANDOM = 40, 3.0


class Streamed:
    """Readings at the weights where the network stands.

    Args:
        placed: its derivatives.
        parts: batches whose factors times losses add up to the training objective.
        seed: of random layers in the objective.
    """

    def __init__(self, placed: Placed, parts: Sequence[Part], seed: int) -> None:
        self._placed, self._parts, self._seed = placed, list(parts), seed
        self.method, self.error, self.ritz = "", 0.0, RitzVectors()

    @property
    def dtype(self) -> torch.dtype:
        """Numbers of its vectors."""
        return self._placed.called.accuracy

    def loss(self) -> float:
        """The training objective."""
        with self._placed.open():
            return self._placed.loss(self._parts)

    def read(
        self, draws: Sequence[Part], rng: np.random.Generator, *, step_size: float,
        directions: SignDirections, offsets: Sequence[int], groups: Mapping[str, slice], curvature: bool,
        scaling: Callable[[], Scaling | None], failures: dict[str, str], some: Streamed | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """The gradient and curvature variables of the schema, of n independent batches ``draws``.

        Args:
            offsets: where each parameter begins among the coordinates of the directions.
            groups: name → slice of the coordinates that are read.
            scaling: makes that of the optimizer, once the gradients are done; None: plain steps.
            failures: as of `runs.probe`.
            some: readings of the examples whose eigenvalues stand for those of all; None: all.
        """
        with paged():
            return self._read(
                draws, rng, step_size=float(step_size), directions=directions, offsets=offsets, groups=groups,
                curvature=curvature, scaling=scaling, failures=failures, some=some,
            )  # fmt: skip

    def _read(
        self, draws: Sequence[Part], rng: np.random.Generator, *, step_size: float,
        directions: SignDirections, offsets: Sequence[int], groups: Mapping[str, slice], curvature: bool,
        scaling: Callable[[], Scaling | None], failures: dict[str, str], some: Streamed | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        if curvature:
            try:
                self._check()
            except Exception as error:
                failures["curvature"], curvature = failure(error), False
        try:
            sums = self._first(draws, directions, offsets, groups)
        except Exception as error:
            failures["gradient"] = failure(error)
            return {}
        bent: dict[str, Any] = {}
        if curvature:
            # Double numbers of ḡ have done their part: Hessian products leave no room for them.
            sums = sums.rounded(self.dtype)
            try:
                bent["hessian_signal"] = self.bend(sums.mean, self._parts)
            except Exception as error:
                failures["curvature"], curvature = failure(error), False
        terms, along = np.full(min(len(draws), TRACE_DRAWS) if curvature else 0, np.nan), np.empty(len(draws))
        shares = self._shares(len(terms), rng)
        for i, part in enumerate(draws):
            with self._placed.open():
                gradient = self._placed.gradient(part)
            along[i] = sum(dot(g, sums.mean[s]) for g, s in zip(gradient, self._placed.places, strict=True))
            if i < len(terms):
                try:
                    terms[i] = self.bend(self._deviation(gradient, sums.mean), shares[i])
                except Exception as error:
                    failures["curvature"], terms = failure(error), terms[:0]
            del gradient
        values = {"step_size": step_size} | sums.values(along)
        del sums
        if not len(terms):
            return values
        try:
            trace = trace_of_terms(terms, len(draws))
            return values | bent | trace | self._top(rng, scaling(), some or self)
        except Exception as error:
            failures["curvature"] = failure(error)
            return values

    def _first(
        self, draws: Sequence[Part], directions: SignDirections, offsets: Sequence[int],
        groups: Mapping[str, slice],
    ) -> _Sums:  # fmt: skip
        """The first pass over the draws."""
        placed, n = self._placed, len(draws)
        total = placed.vector(torch.float64)
        squares, projected = np.zeros((n, len(placed.places))), np.empty((n, len(directions)))
        with placed.open():
            for i, part in enumerate(draws):
                sums = np.zeros(len(directions))
                gradient = placed.gradient(part)
                for k, (g, place) in enumerate(zip(gradient, placed.places, strict=True)):
                    g = g.reshape(-1)
                    add(total[place], g)
                    squares[i, k] = dot(g, g)
                    sums += directions.sums(_numbers(g), offsets[k])
                projected[i] = directions.turned(sums)
                del gradient
        total /= n
        mean2 = np.array([dot(total[place], total[place]) for place in placed.places])
        return _Sums(total, mean2, squares, projected, [
            [k for k, place in enumerate(placed.places) if s.start <= place.start < s.stop]
            for s in groups.values()
        ])  # fmt: skip

    def _deviation(self, gradient: list[Tensor], mean: Tensor) -> Tensor:
        """g − ḡ (d,) in the network's own numbers; the gradient is given up."""
        v = self._placed.vector()
        for k, place in enumerate(self._placed.places):
            v[place] = gradient[k].reshape(-1)
            gradient[k] = v[:0]
            add(v[place], mean[place], -1.0)
        return v

    def _shares(self, count: int, rng: np.random.Generator) -> list[list[Part]]:
        """The parts dealt out to so many draws, each share put on the scale of the whole; all of them to
        each where they are too few."""
        number = len(self._parts)
        if number < count:
            return [self._parts] * count
        order = rng.permutation(number)
        dealt = [[self._parts[k] for k in order[i::count]] for i in range(count)]
        return [[replace(p, factor=p.factor * number / len(share)) for p in share] for share in dealt]

    def _check(self) -> None:
        """Find out how products are taken, where no earlier reading did."""
        if not self.method:
            with self._placed.open(gradient_hooks=False):
                found = self._placed.checked([replace(self._parts[0], factor=1.0)], self._seed)
            self.method, self.error = found.method, found.error

    def product(self, v: Tensor, parts: Sequence[Part] | None = None) -> Tensor:
        """H v (d,) of the parts, a new vector."""
        placed, some = self._placed, self._parts if parts is None else parts
        self._check()
        with placed.open(gradient_hooks=False):
            if self.method == DIFFERENCES:
                return placed.difference(v, some, difference_step(str(v.dtype).removeprefix("torch.")))
            return placed.product(v, some)

    def bend(self, v: Tensor, parts: Sequence[Part] | None = None) -> float:
        """vᵀHv of the parts; None: all."""
        return dot(v, self.product(v, parts))

    def begun(self, seed: int, name: str = "streamed") -> Tensor:
        """Where to look for a top eigenvector: at random, and a little where the last one of that name was.

        A start that is not random for the most part would stay with the last when another has overtaken it.
        """
        start, last = self._placed.random(seed), self.ritz.of(name, self._placed.dim)
        if last is not None:
            start *= _RANDOM / norm(start)
            add(start, last.to(start.device))
        return start

    def _top(self, rng: np.random.Generator, scaling: Scaling | None, some: Streamed) -> dict[str, float]:
        """λ_max of H, and of what the optimizer makes of it.

        Args:
            some: of the examples whose eigenvalues are read.
        """
        seed = int(rng.integers(2**31))
        found = some.top(self.begun(seed))
        # Half the digits are enough to start from.
        self.ritz.held["streamed"] = found.vector.to(torch.bfloat16)
        values = {"lambda_max": found.value, "curvature_residual": found.residual}
        values |= {"lambda_min": found.lowest, "curvature_residual_min": found.lowest_residual}
        del found
        if scaling is None:
            return values
        values["critical_sharpness"] = scaling.critical
        if scaling.root is None:
            return values
        root, decay = scaling.root, scaling.decay

        def met(v: Tensor) -> Tensor:
            """a^{1/2}(H + W)a^{1/2} v."""
            v = v * root
            made = self.product(v)
            if decay is not None:
                made.addcmul_(decay, v)
            made *= root
            return made

        top = self.top(self.begun(seed, "streamed metric"), met)
        self.ritz.held["streamed metric"] = top.vector.to(torch.bfloat16)
        return values | {"preconditioned_lambda_max": top.value, "preconditioned_residual": top.residual}

    def top(
        self, start: Tensor, product: Callable[[Tensor], Tensor] | None = None,
        tolerance: float = TOLERANCE, most: int = _PRODUCTS,
    ) -> TopPair:  # fmt: skip
        """The largest eigenvalue; residuals hold the error of products that are differences.

        Args:
            start: is written to. product: None: H of the objective.
            tolerance: of the residual, relative to the eigenvalue. most: products.
        """
        found = top_pair_restarted(product or self.product, start, tolerance, most, FIRST)
        error = self.error * max(abs(found.value), abs(found.lowest))
        return replace(found, residual=found.residual + error, lowest_residual=found.lowest_residual + error)


@dataclass(frozen=True, eq=False)
class _Sums:
    """Of the first pass: ḡ (d,), |ḡ|² (parameters,), |g|² (n, parameters), projections (n, k), parameters of
    each group."""

    mean: Tensor
    mean2: Array
    squares: Array
    projected: Array
    groups: list[list[int]]

    def rounded(self, dtype: torch.dtype) -> _Sums:
        """The same with ḡ in these numbers."""
        return replace(self, mean=self.mean.to(dtype))

    def values(self, along: Array) -> dict[str, Any]:
        """The gradient variables, with g·ḡ (n,)."""
        n = len(along)
        mean2 = self.mean2
        values: dict[str, Any] = gradient_sums(float(mean2.sum()), self.squares.sum(axis=1), along)
        values["gradient_projection"] = self.projected
        signal = np.array([mean2[some].sum() for some in self.groups])
        own = np.array([self.squares[:, some].sum() for some in self.groups])
        return values | {"group_signal": signal, "group_noise": (own - n * signal) / (n - 1)}


def _numbers(g: Tensor) -> NDArray[Any]:
    """A tensor as an array, which knows no half precision."""
    return np.asarray((g.float() if g.dtype.itemsize < 4 else g).cpu().numpy())
