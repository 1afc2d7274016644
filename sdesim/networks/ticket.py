"""Which weights of a network are taken away before the training that is recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from annotated_types import Ge, Gt, Lt

from sdesim.kinds import Misfit, kind

if TYPE_CHECKING:
    from sdesim.networks.base import Base as Network


@kind("settings", "prune")
@dataclass(frozen=True)
class Prune:
    """Which weights are taken away before the training that is recorded; biases stay.

    Each round trains from the initial weights and takes away the same share of what is left of every layer,
    until the sparsity is reached. one-shot does so in one round, random without training. The recorded
    training starts from the initial weights that are left, or from new ones.

    Args:
        rule: which weights go: the smallest after training (magnitude, one-shot), those whose gradients have
            the least signal (gradient-signal), or any (random).
        sparsity: share of each layer's weights that is gone at the end.
        rounds: of training and taking away.
        steps: of the training before each round; none for random.
        weights: those that are left begin as they did (original) or anew (new).
        seed: of the rounds' batches, of random masks and of new weights.
    """

    rule: Literal["magnitude", "one-shot", "gradient-signal", "random"]
    sparsity: Annotated[float, Gt(0), Lt(1)]
    rounds: Annotated[int, Ge(1)] = 1
    steps: Annotated[int, Ge(1)] | None = None
    weights: Literal["original", "new"] = "original"
    seed: Annotated[int, Ge(0), Lt(2**63)] = 0

    def __post_init__(self) -> None:
        if (self.rule == "random") != (self.steps is None):
            raise Misfit(
                (),
                "random pruning takes no steps"
                if self.rule == "random"
                else f"{self.rule} pruning needs steps, those of the training before each round",
            )
        if self.rule in ("one-shot", "random") and self.rounds != 1:
            raise Misfit((), f"{self.rule} pruning takes rounds: 1, found {self.rounds}")

    def dim(self, network: Network) -> int:
        """Number of parameters that are left, the same for any seed."""
        share = 1.0 - self.sparsity
        return sum(max(1, round(n * share)) for n in network.weights) + network.biases
