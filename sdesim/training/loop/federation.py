"""Federated averaging of one seed: every client trains from the server's weights, which then move by the mean
of the clients' changes.

θ ← θ + Σ_k (n_k/n) u_k, where u_k is what client k with n_k examples has moved in its local steps.

Source: McMahan et al., Communication-Efficient Learning of Deep Networks from Decentralized Data, AISTATS
2017, arXiv 1602.05629, algorithm 1 with all clients in every round.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sdesim.compiled.streams import CLIENTS, sequence
from sdesim.data.sharing import least_examples, partition
from sdesim.estimators import GradientMoments, combine_moments, gradient_moments
from sdesim.io.threads import single_blas_thread
from sdesim.networks.fully_connected import flat_parameters
from sdesim.surfaces.torch.functions import own_tensor
from sdesim.training.data.batches import rows_of
from sdesim.training.data.examples import Batches, Examples
from sdesim.training.loop.one_seed import stream_seed, update
from sdesim.training.probes.network_oracle import TorchOracle

if TYPE_CHECKING:
    from sdesim.training.loop.prepared import Prepared

Array = NDArray[np.float64]
# Most numbers in the gradients that a client's moments are made of at once: 64 MB.
_ROOM = 8_000_000


class Federation:
    """The clients of one seed, with their examples and the order in which each goes through them.

    Args:
        prepared: of the run; who has which examples is a function of (seed, trajectory).
        model: the server's network. trajectory: number of the seed.
    """

    def __init__(self, prepared: Prepared, model: nn.Module, trajectory: int) -> None:
        recipe, train = prepared.recipe, prepared.train
        clients, batch = recipe.clients, prepared.order.batch_size
        assert clients is not None
        assert batch is not None
        rng = np.random.default_rng(sequence(recipe.seed, trajectory, CLIENTS))
        rows = partition(
            train.y.cpu().numpy(), clients.count, clients.concentration, least_examples(batch), rng
        )
        self.counts = np.array([len(r) for r in rows], dtype=np.float64)
        self._rows = [torch.from_numpy(r) for r in rows]
        self._examples = [Examples(rows_of(train.x, r), rows_of(train.y, r)) for r in self._rows]
        seeds = [stream_seed(recipe.seed, trajectory, CLIENTS, k + 1) for k in range(clients.count)]
        self._batches = [
            Batches(own, prepared.order, torch.Generator().manual_seed(seed))
            for own, seed in zip(self._examples, seeds, strict=True)
        ]
        self._loss_fn, self._steps = recipe.loss_fn, clients.local_steps
        self._worker = copy.deepcopy(model)
        self._optimizer = recipe.new_optimizer(list(self._worker.parameters()))
        self._updates: Array | None = None
        self._loss = 0.0

    def updates(self, model: nn.Module) -> Array:
        """u (K, d) of the round that begins at the server's weights, made when first asked for."""
        if self._updates is None:
            self._loss = 0.0
            self._updates = np.stack([self._local(model, k) for k in range(len(self._rows))])
        return self._updates

    def _local(self, model: nn.Module, client: int) -> Array:
        """What one client moves."""
        self._worker.load_state_dict(model.state_dict())
        own = self._examples[client]
        for _ in range(self._steps):
            rows = self._batches[client].next()
            assert rows is not None
            x, y = rows_of(own.x, rows), rows_of(own.y, rows)
            loss = update(self._worker, self._loss_fn, self._optimizer, x, y)
            # One that is not finite leaves none that is.
            self._loss += loss / (self._steps * len(self._rows))
        return flat_parameters(self._worker) - flat_parameters(model)

    def finish(self, model: nn.Module) -> float:
        """End the round: the server's network moves. Returns the mean loss of the clients' minibatches."""
        # Not a BLAS product, whose last bits depend on the number of threads.
        change = np.einsum("k,kd->d", self.counts / self.counts.sum(), self.updates(model))
        theta = own_tensor(flat_parameters(model) + change).to(next(model.parameters()).dtype)
        with torch.no_grad():
            nn.utils.vector_to_parameters(theta, model.parameters())
        self._updates = None
        return self._loss

    def moments(
        self, client: int, oracle: TorchOracle, theta: Array, trained: NDArray[np.bool_],
        rng: np.random.Generator,
    ) -> GradientMoments:  # fmt: skip
        """Of the gradients of all examples of one client at theta (d,)."""
        rows = self._rows[client]
        size = max(2, _ROOM // theta.size)
        found = []
        for some in torch.tensor_split(rows, max(1, len(rows) // size)):
            g = oracle.gradients_of(theta, some[:, None], rng)
            g[:, ~trained] = 0.0
            found.append(gradient_moments(g))
        return combine_moments(found)

    def probe(
        self, model: nn.Module, oracle: TorchOracle, theta: Array, trained: NDArray[np.bool_],
        rng: np.random.Generator,
    ) -> dict[str, Array | float]:  # fmt: skip
        """The variables of the schema that tell of clients, at the server's weights theta (d,)."""
        with single_blas_thread(), np.errstate(over="ignore", invalid="ignore"):
            u = self.updates(model)
            parts = [self.moments(k, oracle, theta, trained, rng) for k in range(len(self._rows))]
            whole = combine_moments(parts)
            # Covariances are of an example drawn from those at hand, which divide by their number.
            return {
                "update_norm2": np.einsum("kd,kd->k", u, u),
                "update_dot_mean": u @ u.mean(axis=0),
                "client_signal": np.array([m.mean @ m.mean for m in parts]),
                "client_noise": np.array([m.squared_deviation / m.n for m in parts]),
                "merged_signal": float(whole.mean @ whole.mean),
                "merged_noise": whole.squared_deviation / whole.n,
            }

    def state(self) -> dict[str, Any]:
        """Where each client is in its examples, between two rounds."""
        return {"batches": [batches.state() for batches in self._batches]}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        for batches, stored in zip(self._batches, state["batches"], strict=True):
            batches.restore(stored)
