"""From an arm of a scenario to what `record` takes."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sdesim.compiled.streams import sequence
from sdesim.networks.losses.mixture import Mixture
from sdesim.scenario.models import Arm, Scenario, Train

if TYPE_CHECKING:
    from sdesim.data import Dataset
    from sdesim.runs import Probes


def arm_seed(seed: int, arm: str) -> int:
    """The seed of an arm: a function of the scenario's seed and the arm's name."""
    words = sequence(seed, zlib.crc32(arm.encode())).generate_state(1, np.uint64)
    return int(words[0] >> np.uint64(1))


def probes_of(scenario: Scenario, arm: Arm, stretch: int = 1) -> Probes | None:
    """Probes of an arm; `stretch` steps of a twin last as long as one of the real arm's."""
    from dataclasses import replace

    if arm.probes is not None or scenario.probes is None or scenario.probes.every is None:
        found: Probes | None = arm.probes or scenario.probes
        return found
    stretched: Probes = replace(scenario.probes, every=scenario.probes.every * stretch)
    return stretched


def loss_of(train: Train) -> Any:
    """The arm's loss: the one named, or the mixture of its objectives."""
    if train.objectives is None:
        return train.loss
    return Mixture({o.target: o.weight for o in train.objectives})


def recipe_of(scenario: Scenario, name: str, train: Train, network: Any, data: Dataset) -> Any:
    """The recipe of a real arm; where it begins and which weights are left is known once others have run."""
    from sdesim.training import Recipe

    return Recipe(
        network,
        loss_of(train).function(data),
        data,
        None,
        train.optimizer,
        steps=train.steps,
        seed=arm_seed(scenario.seed, name),
        trajectories=train.trajectories,
        init=train.init,
        scheduler=train.schedule,
        sampling=train.sampling,
        weights=train.weights,
        augment=train.augment or None,
        amplify=train.amplify,
        penalty=train.penalty or (),
        clients=train.clients,
        clip=train.clip,
    )


def ticket(train: Train, network: Any, data: Dataset) -> tuple[Any, NDArray[np.bool_] | None]:
    """The network to be recorded and which of its weights are left, None for all."""
    if train.prune is None:
        return network, None
    from sdesim.training import prune, reinitialised

    recipe = train.prune
    mask = prune(
        network,
        loss_of(train).function(data),
        data,
        train.optimizer,
        penalty=train.penalty or (),
        rule=recipe.rule,
        sparsity=recipe.sparsity,
        rounds=recipe.rounds,
        steps=recipe.steps or 0,
        batch_size=train.optimizer.batch_size,
        sampling=train.sampling,
        weights=train.weights,
        clip=train.clip,
        seed=recipe.seed,
    )
    return (network if recipe.weights == "original" else reinitialised(network, recipe.seed)), mask
