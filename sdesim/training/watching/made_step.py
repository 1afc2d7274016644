"""The step u that an optimizer made, held until the next gradient: what tells whether steps lower the loss.

E ΔL ≈ ½ E u_t·(∇L(θ_t) + ∇L(θ_{t+1})). The next gradient has no part in the step, so that u_t·g_{t+1} is
unbiased for the second half. The step's own has: where u_t = u₀ − A g_t with A a number for each parameter
tensor and u₀ of the past (SGD, with momentum, Nesterov's, dampening, L2),

    E u_t·g_t = E u_t·∇L(θ_t) − Σ A Tr Cov g_t,

so that u_t·g_t + Σ A T is unbiased with T for the trace. Of any other step (Adam, clipped gradients) the
first half needs a gradient of a batch outside the step.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from sdesim.training.probes.motion import rule_of
from sdesim.training.watching.sums import dots, fetched, squares

# Largest share that the rounding of weights may have in a first half.
_ROUNDED = 0.01


def linear_gains(optimizer: Any, parameters: Sequence[nn.Parameter]) -> list[tuple[float, float]] | None:
    """(A, Ā) of each parameter, of what its gradient does in the step that comes and over all later ones;
    None where the optimizer's step is not linear in it with numbers that do not depend on it."""
    rule = rule_of(optimizer)
    groups = {id(p): group for group in optimizer.param_groups for p in group["params"]}
    if rule is None or any(group.get("maximize") for group in optimizer.param_groups):
        return None
    found: dict[Any, tuple[float, float] | None] = {}
    gains = []
    for p in sorted(parameters, key=lambda p: p.numel()):
        group, state = groups[id(p)], optimizer.state.get(p, {})
        # Parameters alike in this are alike in their numbers, and the smallest is looked at.
        key = id(group), frozenset(name for name, value in state.items() if value is not None)
        if key not in found:
            motion, eta = rule(group, state), float(group["lr"])
            scale, held = motion.precondition, None
            if isinstance(scale, float) and not motion.share:
                held = eta * motion.now / scale, eta * motion.whole / scale
            found[key] = held
        if found[key] is None:
            return None
        gains.append((id(p), found[key]))
    by_parameter = dict(gains)
    return [by_parameter[id(p)] for p in parameters]  # type: ignore[misc]


class MadeStep:
    """One step of an optimizer, from before it is made until the next gradient is there.

    It holds twice the parameters while the step is made, and once afterwards.

    Args:
        parameters: that are trained, each once.

    Attributes:
        held: whether a step was made and waits for the next gradient.
    """

    def __init__(self, parameters: Sequence[nn.Parameter]) -> None:
        self._parameters = parameters
        self.drop()

    def drop(self) -> None:
        """Let go."""
        self._start: list[Tensor] = []
        self._gradients: list[Tensor | None] = []
        self._along: list[tuple[list[int], Tensor]] = []
        self._versions: list[int] = []
        self._drag = self._factor = math.nan
        self.held = False

    def open(
        self, gradients: Sequence[Tensor | None], drag: float, factor: float, *, spare: bool = False
    ) -> None:
        """The step is about to be made.

        Args:
            gradients: where it starts: its own, or those of a batch outside it (``spare``), which are kept.
            drag: Σ A T, what is to be added for the noise that step and gradient share; 0 of spare ones.
            factor: by which the gradients are to be multiplied.
        """
        self.drop()
        if any(hasattr(p, "to_local") for p in self._parameters):
            # Of weights in parts, of which this process holds one.
            return
        self._start = [p.detach().clone() for p in self._parameters]
        # Some optimizers write to the gradients that they are given.
        self._gradients = [g if g is None or spare else g.detach().clone() for g in gradients]
        self._drag, self._factor = drag, factor

    def close(self) -> float:
        """The step was made: unbiased for u·∇L at its start; NaN where rounding of the weights is too large
        a part of it."""
        gradients, self._gradients = self._gradients, []
        if not self._start or self.held:
            return math.nan
        limit = self._drag and self._rounding(gradients)
        for u, p in zip(self._start, self._parameters, strict=True):
            torch.sub(p.detach(), u, out=u)
        self._versions = [p._version for p in self._parameters]
        self.held = True
        pairs = [(u, g) for u, g in zip(self._start, gradients, strict=True) if g is not None]
        if limit > _ROUNDED * self._drag:
            return math.nan
        return self._factor * float(dots([u for u, _ in pairs], [g for _, g in pairs]).sum()) + self._drag

    def _rounding(self, gradients: Sequence[Tensor | None]) -> float:
        """A bound on what the rounding of the weights to their numbers makes in u·g."""
        eps = max(torch.finfo(p.dtype).eps for p in self._parameters)
        weights, slopes = squares(self._start), squares([g for g in gradients if g is not None])
        return 0.5 * eps * abs(self._factor) * math.sqrt(float(weights.sum()) * float(slopes.sum()))

    def again(self) -> None:
        """The gradients that it met were dropped: others come."""
        self._along = []

    def meet(self, gradients: Mapping[int, Tensor]) -> None:
        """These gradients, by the places of parameters, are those at the end of the step; the last one
        counts."""
        if self.held:
            steps = [self._start[k] for k in gradients]
            self._along.append((list(gradients), dots(steps, list(gradients.values()))))

    def after(self, factor: float) -> float:
        """u·∇L at its end, from gradients times ``factor``; NaN where none was held, or weights were moved
        since. The step is let go of."""
        still = self._versions == [p._version for p in self._parameters]
        value = math.nan
        if self.held and still:
            last: dict[int, float] = {}
            numbers = fetched([found for _, found in self._along])
            for (places, _), found in zip(self._along, numbers, strict=True):
                last |= dict(zip(places, found, strict=True))
            value = factor * float(sum(last.values()))
        self.drop()
        return value
