"""Whether an arm's readings can be what its probes ask for, as far as sizes and kinds of its parts tell."""

from __future__ import annotations

from collections.abc import Iterator

from sdesim.engine import price as simulated
from sdesim.kinds.misfit import Path, Problem
from sdesim.runs.price import Price, Sizes, Unpaid, paid_for, training_price
from sdesim.runs.probes import LARGEST, Probes
from sdesim.scenario.assemble import probes_of
from sdesim.scenario.models import DRAWS, Scenario, Train


def check_budget(scenario: Scenario, name: str) -> Iterator[Problem]:
    """A budget that pays for nothing, of arms that `is_priced`, readings without draws where there are none,
    and a precision where there is no variance, each with its place in the scenario."""
    arm = scenario.arms[name]
    probes = probes_of(scenario, arm, _stretch(scenario, name))
    if probes is None:
        return
    place: Path = ("probes",)
    of_arm = f" (arm {name})"
    if arm.probes is not None:
        place, of_arm = ("arms", name, "probes"), ""
    noises = [] if arm.simulate is None else arm.simulate.noise
    if any(getattr(noise, "tail_index", None) is not None for noise in noises):
        if probes.exact is True:
            yield (*place, "exact"), f"found true, {simulated.SAMPLED}{of_arm}"
        if probes.precision is not None:
            yield (*place, "precision"), f"found {probes.precision:g}, {simulated.NO_VARIANCE}{of_arm}"
    if probes.exact is True and arm.train is not None and arm.train.augment:
        text = "found true, allowed: none beside augment, by which examples are read anew"
        yield (*place, "exact"), f"{text}{of_arm}"
    price = None if probes.budget is None else _price(scenario, name, probes)
    if price is None:
        return
    try:
        paid_for(probes, price, scenario.steps(name))
    except Unpaid as error:
        yield (*place, "budget"), f"{error.at_field}{of_arm}"


def is_priced(train: Train) -> bool:
    """Whether the price of a reading follows from the sizes of a real arm, without building anything."""
    altered = train.objectives is not None or train.penalty or train.augment
    plain = not altered and bool(train.loss.on_surfaces)
    return plain and train.network.example_operations is not None


def _price(scenario: Scenario, name: str, probes: Probes) -> Price | None:
    arm = scenario.arms[name]
    if arm.train is not None:
        return _training_price(arm.train, probes) if is_priced(arm.train) else None
    simulate = arm.simulate
    assert simulate is not None
    real = None if simulate.twin_of is None else scenario.arms[simulate.twin_of].train
    count = simulate.trajectories or (1 if real is None else real.trajectories)
    if simulate.at is not None:
        count = simulate.trajectories or DRAWS
    return simulated.reading_price(probes, simulate.noise, count)


def _training_price(train: Train, probes: Probes) -> Price:
    batch, clients, examples = train.optimizer.batch_size, train.clients, train.data.examples
    unequal = train.optimizer.preconditioner is not None or bool(train.optimizer.groups)
    sizes = Sizes(
        operations=train.network.example_operations,
        dense=True,
        examples=examples,
        dim=train.network.dim,
        batch_size=batch,
        probed_batch=probes.batch_size or batch or 1,
        preconditioned=unequal,
        minibatches=1 if clients is None else clients.minibatches,
        examples_probed=0 if clients is None else examples,
        exact=True,
        whole=unequal or train.weights is not None,
    )
    return training_price(probes, sizes, LARGEST)


def _stretch(scenario: Scenario, name: str) -> int:
    """Steps of a twin in one of the real arm's, as its plan will have it."""
    simulate = scenario.arms[name].simulate
    real = None if simulate is None or simulate.twin_of is None else scenario.arms[simulate.twin_of].train
    if simulate is None or real is None:
        return 1
    rate = float(real.optimizer.lr)
    return max(1, round(rate / float(simulate.dt or simulate.learning_rate or rate)))
