"""The SDE of an optimizer's steps, as a map that covers any share of one step.

An optimizer that is fed ∇L(θ) + ξ, ξ of mean 0 and of the covariance Σ(θ) of one step's gradient, follows for
small learning rates an SDE in the number s of its steps. `OptimizerSDE.advance` walks it by shares h of a
step: at h = 1 it is the optimizer itself, for h → 0 the SDE.

What drives a share is the gradient ∇L + h^{1/α − 1} ξ, whose 1/h pieces sum up to what one step gets: for
finite variance (α = 2) the covariance Σ, for α-stable noise the same scale. Running means forget by β^h and
take in 1 − β^h, so that shares compose, and what a gradient moves in the end, 1/(1 − β) of a momentum, is
the same at every h. Running means of g² take those of two independent gradients g and g′ of one step's noise,
of which the share's own is made (`mixed`): their mean is the optimizer's; that their fluctuations fall with h
is what the SDE leaves out, and `Condition`s say how large they are.

Source: Li, Tai & E, Stochastic modified equations, ICML (2017), arXiv 1511.06251; for adaptive steps Malladi,
Lyu, Panigrahi & Arora, NeurIPS (2022), arXiv 2205.10287; Compagnoni et al., arXiv 2411.15958; Callisti et
al., arXiv 2509.21614.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

from sdesim.errors import RunError

if TYPE_CHECKING:
    from torch import Tensor

Form = Literal["underdamped", "overdamped"]
"""Whether the momentum is a state of its own, or the limit in which it only lengthens steps."""

# s is a sum of shares, which rounds.
_ROUNDING = 1e-9


class Input(NamedTuple):
    """A gradient a ∇L(θ) + b ξ that drives a step.

    Attributes:
        gradient: a.
        noise: b.
        draw: which ξ: all inputs of one step with the same number share one, others are independent.
    """

    gradient: float
    noise: float
    draw: int = 0


@dataclass(frozen=True)
class Condition:
    """One thing that must be small for the SDE to follow the optimizer.

    Attributes:
        name: short, for flags.
        value: as measured; NaN where it was not.
        bound: the largest value at which the condition counts as met.
        text: formula and what happens above the bound.
    """

    name: str
    value: float
    bound: float
    text: str

    @property
    def holds(self) -> bool | None:
        """Whether the value is within the bound; None where it is not known."""
        return None if math.isnan(self.value) else self.value <= self.bound


@dataclass(frozen=True, kw_only=True)
class OptimizerSDE:
    """What the SDE of every optimizer offers. Tensors are (K, d), trajectories by coordinates.

    Args:
        decay: λ of a weight decay.
        decoupled: whether it takes ηλ of θ at each step, instead of adding λθ to the gradient.
        sign: −1 where the optimizer climbs the loss.

    Attributes:
        source: of the derivation.
    """

    decay: float = 0.0
    decoupled: bool = False
    sign: float = 1.0

    source: ClassVar[str] = ""

    @property
    def torch_names(self) -> Mapping[str, str]:
        """What is kept beside θ, each with torch's name of it in an optimizer's state."""
        return {}

    @property
    def state_names(self) -> tuple[str, ...]:
        """What is kept beside θ."""
        return tuple(self.torch_names)

    def initial(self, theta: Tensor) -> dict[str, Tensor]:
        """State before the first step: zeros."""
        return {name: theta.new_zeros(theta.shape) for name in self.state_names}

    def state_of(
        self, states: Sequence[Mapping[str, Any]], theta: Tensor, sizes: Sequence[int] | None = None
    ) -> dict[str, Tensor]:
        """State of a torch optimizer that has made steps, for every trajectory of theta.

        Args:
            states: `optimizer.state[p]` of the parameters in the order in which θ holds them; an empty one
                counts as before the first step.
            theta: (K, d).
            sizes: numbers of each parameter; needed where some have a state and others none.

        Raises:
            ValueError: they hold other numbers than d.
        """
        found = self.initial(theta)
        for name, torch_name in self.torch_names.items():
            pieces = [state.get(torch_name) for state in states]
            if all(piece is None for piece in pieces):
                continue
            lengths = [0 if p is None else p.numel() for p in pieces] if sizes is None else list(sizes)
            if sum(lengths) != theta.shape[1]:
                raise ValueError(
                    f"the state {torch_name!r} has {sum(lengths)} numbers, θ has {theta.shape[1]}"
                )
            place = 0
            for piece, length in zip(pieces, lengths, strict=True):
                if piece is not None:
                    found[name][:, place : place + length] = piece.detach().reshape(-1).to(theta)
                place += length
        return found

    def counted(self, rate: float, step: float) -> Mapping[str, float]:
        """What else torch keeps in its state and s alone decides, by torch's names.

        Args:
            rate: η of the step that comes. step: s.
        """
        return {}

    def inputs(self, share: float, index: float = 2.0) -> tuple[Input, ...]:
        """Gradients that a step of this share needs, in the order in which `advance` takes them.

        Args:
            share: h in (0, 1].
            index: α of the noise; 2 for finite variance.
        """
        return (driving(share, index),)

    def advance(
        self, theta: Tensor, state: dict[str, Tensor], inputs: Sequence[Tensor], *,
        rate: float | Tensor, share: float, step: float,
    ) -> None:  # fmt: skip
        """Move θ and the state by a share of a step, in place.

        Args:
            theta: (K, d). state: by `state_names`, each (K, d). inputs: each (K, d), at θ; left as they are.
            rate: η at this step, a number or (d,).
            share: h, one over a whole number.
            step: s before, in steps of the optimizer.
        """
        raise NotImplementedError

    def clock(self, rates: Any) -> Any:
        """The SDE's own time that a step takes, at rates η of any shape: here η."""
        return rates * 1.0

    def validity(
        self, *, rate: float, curvature: float = math.nan, signal: float = math.nan, noise: float = math.nan,
        dim: int = 1,
    ) -> tuple[Condition, ...]:  # fmt: skip
        """What must hold for the SDE to follow the optimizer, as measured on a run.

        Args:
            rate: η.
            curvature: λ, largest eigenvalue of the Hessian of the loss.
            signal: ‖∇L‖².
            noise: Tr Σ at the training batch.
            dim: d.
        """
        return ()

    def gradient(self, theta: Tensor, taken: Tensor) -> Tensor:
        """The gradient of what the optimizer descends: its sign, and a weight decay in the gradient."""
        descended = taken if self.sign > 0 else -taken
        if self.decay and not self.decoupled:
            return descended + self.decay * theta
        return descended

    def shrink(self, theta: Tensor, rate: float | Tensor, share: float) -> None:
        """θ ← (1 − ηλh) θ for a decay that acts on θ itself."""
        if self.decay and self.decoupled:
            theta.mul_(1.0 - rate * (self.decay * share))


def driving(share: float, index: float = 2.0) -> Input:
    """The gradient ∇L + h^{1/α − 1} ξ of a share h."""
    return Input(1.0, share ** (1.0 / index - 1.0))


def pair(share: float, index: float = 2.0) -> tuple[Input, ...]:
    """Two independent gradients g and g′ with the noise of one step; at h = 1 one.

    What an optimizer makes of g alone, such as g² or its sign, is made of each. Both together drive the share
    as `mixed`.

    Raises:
        RunError: a share below 1 with noise of an index below 2, whose squares have no mean.
    """
    if share == 1.0:
        return (Input(1.0, 1.0),)
    if index < 2.0:
        raise RunError(
            "an optimizer that squares gradients or takes their signs follows stable noise at dt = η alone: "
            "leave dt out"
        )
    return (Input(1.0, 1.0), Input(1.0, 1.0, 1))


def mixed(given: Sequence[Tensor], share: float) -> Tensor:
    """(1 + r)/2 g + (1 − r)/2 g′, r = √(2/h − 1), of anything made of a pair; at h = 1 what is made of g.

    It keeps the mean and has 1/h times the covariance, so that 1/h pieces of share h add up to the mean and
    the covariance of one step; of gradients it is w. No share moves farther than √(2/h) times what a step
    may: as in a step, a gradient meets its own square.
    """
    if len(given) == 1:
        return given[0]
    r = math.sqrt(2.0 / share - 1.0)
    return 0.5 * (1.0 + r) * given[0] + 0.5 * (1.0 - r) * given[1]


def mean_square(given: Sequence[Tensor]) -> Tensor:
    """(g² + g′²)/2, or g²."""
    found = given[0] * given[0]
    return found if len(given) == 1 else found.addcmul(given[1], given[1]).mul_(0.5)


def kept(beta: float, share: float) -> float:
    """β^h, what a running mean keeps of itself over a share."""
    return beta if share == 1.0 or beta == 0.0 else beta**share


def taken(beta: float, share: float) -> float:
    """1 − β^h, without cancellation where h is small."""
    if share == 1.0:
        return 1.0 - beta
    return -math.expm1(share * math.log(beta)) if beta > 0.0 else 1.0


def in_first_step(step: float) -> bool:
    """Whether s is in the first step of the optimizer."""
    return step < 1.0 - _ROUNDING


def whole_steps(step: float) -> int:
    """How many steps of the optimizer are whole at s."""
    return math.floor(step + _ROUNDING)


def rate_condition(value: float, text: str) -> Condition:
    """That steps are short against the loss's curvature.

    Of a quadratic of curvature λ gradient descent at η has the stationary variance of its SDE over 1 − ηλ/2:
    10% more where ηλ is 0.18.
    """
    return Condition("rate_small", value, 0.18, text)


def signal_condition(signal: float, noise: float) -> Condition:
    """That noise exceeds the signal within one step's gradient, by ‖∇L‖²/Tr Σ."""
    ratio = signal / noise if noise > 0.0 else math.nan
    text = (
        "‖∇L‖²/Tr Σ, the signal in √v: above, the scale of a step follows the signal, and the square root "
        "scaling rule fails"
    )
    return Condition("noise_dominates", ratio, 0.1, text)


def square_condition(beta: float) -> Condition:
    """That the mean square hardly fluctuates: its relative standard deviation for normal gradients."""
    value = math.sqrt(2.0 * (1.0 - beta) / (1.0 + beta))
    text = "√(2(1 − β₂)/(1 + β₂)), how far v strays from its mean: the SDE leaves that out"
    return Condition("mean_square_steady", value, 0.15, text)
