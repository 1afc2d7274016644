"""Whether the parts of a real arm fit one another: data, network, loss, optimizer, learning rate, clients."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from sdesim.data.sharing import least_examples
from sdesim.kinds import read
from sdesim.kinds.misfit import Path, Problem
from sdesim.scenario.assemble import loss_of
from sdesim.scenario.models import DEFAULT_LOSS, ProbeSettings, Scenario, Train


def check_real(scenario: Scenario, name: str) -> Iterator[Problem]:
    """What does not fit in the real arm of that name, each with its place inside `train`."""
    train = scenario.arms[name].train
    assert train is not None
    yield from check_model(train, ("data",), ("network",), ("loss",))
    yield from _check_train(train)
    probes = scenario.arms[name].probes or scenario.probes
    if train.clip is not None and train.amplify > 1:
        yield ("clip",), "clip does not go with amplify, whose short steps have another noise"
    if train.amplify > 1 and probes is not None and not train.optimizer.plain:
        yield (
            ("amplify",),
            "amplify goes with probes for SGD without momentum and weight decay alone: take probes out",
        )
    if train.clip is not None and probes is not None and probes.tangent:
        yield ("clip",), "clip does not go with probes that have tangent: true, which follow whole gradients"
    if train.clients is not None:
        yield from _check_clients(train, probes)
    if train.start_from is not None:
        yield from _check_start(scenario, name, train)


def check_model(train: Train, data: Path, network: Path, loss: Path) -> Iterator[Problem]:
    """What of network and loss does not fit the data."""
    text = loss_of(train).misfit(train.data)
    outputs = train.data.outputs if text else loss_of(train).outputs(train.data)
    yield from (((*network, *at), words) for at, words in train.network.problems(train.data, outputs))
    if text:
        yield (("objectives",) if train.objectives else loss), text


def _check_train(train: Train) -> Iterator[Problem]:
    optimizer, examples = train.optimizer, train.data.examples
    batch = optimizer.batch_size
    if batch is not None and batch > examples:
        yield ("optimizer", "batch_size"), f"found {batch}, allowed: 1 to {examples}, the training examples"
    named = train.loss != read("losses", DEFAULT_LOSS)
    if train.objectives is not None and (named or not train.data.labelled):
        yield ("objectives",), "objectives take the place of loss, and are for labelled data"
    if train.weights is not None:
        if not train.data.labelled or train.data.positions is not None or batch is None:
            yield ("weights",), f"{train.weights.kind} weights need class labels and a batch_size"
        elif train.weights.misfit(train.data.outputs):
            yield ("weights",), train.weights.misfit(train.data.outputs)
        if train.sampling != "epoch":
            yield ("sampling",), "weights draw with replacement by themselves: leave sampling out"
    for k, augmentation in enumerate(train.augment):
        text = augmentation.misfit(train.data.shape, train.data.vocabulary)
        if text:
            yield ("augment", k), text
    if train.augment and train.prune is not None:
        yield ("prune",), "prune does not go with augment: it trains on the examples as they are"
    independent = train.sampling == "with-replacement" or train.weights is not None
    short = optimizer.short(train.amplify) if train.amplify > 1 else None
    if isinstance(short, str):
        yield ("amplify",), f"amplify: {short}"
    elif train.amplify > 1 and not independent:
        yield ("amplify",), "amplify needs sampling: with-replacement"
    elif train.amplify > 1 and batch is None:
        yield ("amplify",), "amplify needs minibatches: give optimizer.batch_size"
    yield from _misnamed(train)
    yield from ((("schedule", *at), text) for at, text in train.schedule.problems(train.steps))
    yield from ((("schedule", *at), text) for at, text in train.schedule.unfit(optimizer))
    if train.penalty and train.amplify > 1:
        yield ("penalty",), "amplify goes without penalty, which has no noise to be amplified"
    if train.prune is not None and not train.network.weights:
        yield ("prune",), "prune needs a network with weight arrays of more than one axis"


def _misnamed(train: Train) -> Iterator[Problem]:
    """Patterns of groups of parameters, and of penalties, that do not fit the names; looked at with torch
    alone."""
    with suppress(ModuleNotFoundError):
        if train.optimizer.groups:
            for at, text in train.optimizer.misfits(train.network.parameter_names):
                yield ("optimizer", *at), text
        for k, penalty in enumerate(train.penalty or ()):
            if penalty.match != "*" and (text := penalty.misfit(train.network.parameter_names)):
                yield ("penalty", k, "match"), text


def _check_clients(train: Train, probes: ProbeSettings | None) -> Iterator[Problem]:
    """What federated averaging is defined for."""
    optimizer, clients = train.optimizer, train.clients
    assert clients is not None
    for name in optimizer.beside_plain:
        # "kind" stands for an optimizer that never is the plain one.
        never = name == "kind"
        found = f"found {getattr(optimizer, name)!r}, allowed: sgd, beside clients"
        text = found if never else "clients need plain SGD, with lr and batch_size alone"
        yield ("optimizer", name), text
    if not train.schedule.constant:
        yield ("schedule",), "clients need a constant learning rate, without warm-up"
    if train.clip is not None:
        yield ("clip",), "clients do not go with clip"
    if train.amplify > 1:
        yield ("amplify",), "clients do not go with amplify"
    if train.weights is not None:
        yield ("weights",), "clients do not go with weights"
    if train.augment:
        yield ("augment",), "clients do not go with augment"
    if train.prune is not None:
        yield ("prune",), "clients do not go with prune"
    if probes is not None and probes.tangent:
        yield ("clients",), "clients do not go with probes that have tangent: true"
    if not train.data.labelled or train.data.positions is not None:
        yield ("clients",), "clients share out examples by class labels, these data hold targets"
    batch = optimizer.batch_size
    if batch is None:
        yield ("optimizer",), "clients need batch_size"
    elif clients.count * (least := least_examples(batch)) > (examples := train.data.examples):
        text = f"found {clients.count}, allowed: 2 to {examples // least}, so that each has at least "
        yield ("clients", "count"), text + f"{least} of {examples} examples"


def _check_start(scenario: Scenario, name: str, train: Train) -> Iterator[Problem]:
    """Whether the arm in whose ends this one begins can give them."""
    earlier = list(scenario.arms)[: list(scenario.arms).index(name)]
    first = scenario.arms[train.start_from].train if train.start_from in earlier else None
    if first is None:
        text = f"found {train.start_from!r}, allowed: a real arm that stands above this one"
    elif first.network.shapes != train.network.shapes:
        text = f"{train.start_from} has another network, a {first.network.label}"
    elif train.init == "fresh" or train.prune is not None or first.prune is not None:
        text = "start_from goes with neither init: fresh nor prune"
    elif "theta" not in first.save:
        text = f"start_from needs theta in the save of {train.start_from}"
    elif first.trajectories < train.trajectories:
        text = f"{train.start_from} has {first.trajectories} trajectories, fewer than {train.trajectories}"
    else:
        return
    yield ("start_from",), text
