"""Clients of federated averaging: how many there are, and how examples are shared out among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt

from sdesim.kinds import kind


@kind("settings", "clients")
@dataclass(frozen=True)
class Clients:
    """Federated averaging, in which one step of the run is one round of communication.

    In a round every client makes local steps of plain SGD on its own examples, and the weights move by the
    mean of the changes, weighted by numbers of examples. Every client has at least a batch.

    Args:
        count: K, all of which take part in every round.
        local_steps: SGD steps of each client in a round, on batches of its own examples.
        concentration: of the Dirichlet law by which `sdesim.data.partition` shares out each class: large
            values evenly, 0.1 so that most of a class is with one or two clients.
    """

    count: Annotated[int, Ge(2)]
    local_steps: Annotated[int, Ge(1)]
    concentration: Annotated[float, Gt(0)]

    @property
    def minibatches(self) -> int:
        """Minibatches of all clients in a round."""
        return self.count * self.local_steps
