"""Examples shared out among clients whose labels differ.

Source: Yurochkin et al., Bayesian Nonparametric Federated Learning of Neural Networks, ICML 2019, arXiv
1905.12022, section 4.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.errors import SdesimError


def least_examples(batch_size: int) -> int:
    """Examples that every client of a training has: a batch, and two for a covariance."""
    return max(2, batch_size)


def partition(
    y: NDArray[Any], clients: int, concentration: float, least: int, rng: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Rows of each client, ascending; every row belongs to one.

    Each class is shared out by a Dirichlet law of equal concentrations: large ones share evenly, small ones
    give nearly all of a class to one client. Clients with fewer than `least` rows then get some, drawn at
    random, from whoever has most.

    Args:
        y: labels (n,).
        clients: K. concentration: above 0. least: rows that every client has.

    Raises:
        SdesimError: out of range, or fewer rows than K times `least`.
    """
    if clients < 1 or least < 1 or not 0 < concentration < np.inf:
        raise SdesimError(
            "clients and least must be at least 1 and concentration above 0, "
            f"got {clients}, {least} and {concentration:g}"
        )
    if clients * least > len(y):
        raise SdesimError(f"{clients} clients of at least {least} examples need more than {len(y)}")
    owner = np.empty(len(y), dtype=np.int64)
    for label in np.unique(y):
        rows = rng.permutation(np.flatnonzero(y == label))
        shares = rng.dirichlet(np.full(clients, concentration))
        cuts = np.round(np.cumsum(shares) * len(rows)).astype(int)[:-1]
        for k, part in enumerate(np.split(rows, cuts)):
            owner[part] = k
    for k in range(clients):
        while (owner == k).sum() < least:
            donor = np.bincount(owner, minlength=clients).argmax()
            owner[rng.choice(np.flatnonzero(owner == donor))] = k
    return [np.flatnonzero(owner == k) for k in range(clients)]
