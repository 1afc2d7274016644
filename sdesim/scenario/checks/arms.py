"""Whether the parts of one arm fit one another: sizes of data and networks, noises, schemes, events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sdesim.data.partition import least_examples
from sdesim.errors import SdesimError
from sdesim.scenario import parts
from sdesim.scenario.assemble import make_mask, make_noise, make_scheme, make_surface, noise_sort
from sdesim.scenario.data import Data, DigitsData, ModularData, PermutationsData
from sdesim.scenario.models import Arm, Probes, Scenario, Simulate, Train
from sdesim.scenario.training import Clients, ConstantSchedule, MlpNetwork, Sgd

Problem = tuple[tuple[str | int, ...], str]
_DIGITS = 1797
# A trial of rule "reject" draws 4,096 increments of this many coordinates at most.
_TRIAL_COORDINATES = 1000


def wells_of_arm(simulate: Simulate) -> tuple[str, ...]:
    return () if simulate.twin_of is not None else _wells_of(simulate.surface)


def _wells_of(surface: Any) -> tuple[str, ...]:
    """Names of a surface's wells."""
    if isinstance(surface, parts.MaskedSurface):
        return _wells_of(surface.surface)
    if isinstance(surface, parts.MlpSurface | parts.RandomFeaturesSurface):
        return () if isinstance(surface, parts.MlpSurface) else ("minimum",)
    return tuple(make_surface(surface).wells)


def _dim_of(surface: Any) -> int:
    """Number of a surface's coordinates.

    Raises:
        SdesimError: if the surface can't be built.
    """
    if isinstance(surface, parts.MaskedSurface):
        total = _dim_of(surface.surface)
        trained = int(make_mask(surface, total).sum())
        if not trained:
            raise SdesimError("coordinates must name at least one coordinate to train")
        if isinstance(surface.values, list) and len(surface.values) != total:
            raise SdesimError(f"values must be a number or {total} numbers, got {len(surface.values)}")
        return trained
    if isinstance(surface, parts.MlpSurface):
        return sum(surface.network.weights) + surface.network.biases
    if isinstance(surface, parts.RandomFeaturesSurface):
        return surface.features
    return int(make_surface(surface).dim)


def _has_examples(simulate: Simulate) -> bool:
    """Whether the surface is a mean over examples."""
    surface: Any = simulate.surface
    if isinstance(surface, parts.MaskedSurface):
        surface = surface.surface
    kinds = parts.MlpSurface | parts.LeastSquaresSurface | parts.RandomFeaturesSurface
    return simulate.twin_of is not None or isinstance(surface, kinds)


def check_real(scenario: Scenario, name: str) -> Iterator[Problem]:
    train = scenario.arms[name].train
    assert train is not None
    yield from _check_train(train)
    if train.clients is not None:
        yield from _check_clients(train, train.clients, scenario.arms[name].probes or scenario.probes)
    if train.start_from is None:
        return
    earlier = list(scenario.arms)[: list(scenario.arms).index(name)]
    first = scenario.arms[train.start_from].train if train.start_from in earlier else None
    if first is None:
        message = f"found {train.start_from!r}, allowed: a real arm that stands above this one"
    elif (first.network.widths, first.network.bias) != (train.network.widths, train.network.bias):
        message = f"{train.start_from} has another network, with widths {first.network.widths}"
    elif train.init == "fresh" or train.prune is not None or first.prune is not None:
        message = "start_from goes with neither init: fresh nor prune"
    elif "theta" not in first.save:
        message = f"start_from needs theta in the save of {train.start_from}"
    elif first.trajectories < train.trajectories:
        message = f"{train.start_from} has {first.trajectories} trajectories, fewer than {train.trajectories}"
    else:
        return
    yield ("start_from",), message


def _check_train(train: Train) -> Iterator[Problem]:
    yield from _check_network(train.data, train.network)
    examples = train.data.examples
    batch = train.optimizer.batch_size
    if batch is not None and batch > examples:
        yield ("optimizer", "batch_size"), f"found {batch}, allowed: 1 to {examples}, the training examples"
    yield from _check_loss(train.loss, train.data)
    if train.objectives is not None and (train.loss != "cross_entropy" or not train.data.labelled):
        yield ("objectives",), "objectives take the place of loss, and are for labelled data"
    if train.weights is not None:
        if not train.data.labelled or batch is None:
            yield ("weights",), "balanced weights need class labels and a batch_size"
        if train.sampling != "epoch":
            yield ("sampling",), "weights draw with replacement by themselves: leave sampling out"
    sgd = train.optimizer
    if isinstance(sgd, Sgd) and sgd.nesterov and (sgd.momentum == 0.0 or sgd.dampening > 0.0):
        yield ("optimizer", "nesterov"), "nesterov needs a momentum above 0 and no dampening"
    independent = train.sampling == "with-replacement" or train.weights is not None
    if train.amplify > 1 and (
        not isinstance(sgd, Sgd) or sgd.momentum or sgd.weight_decay or not independent
    ):
        yield ("amplify",), "amplify needs sgd without momentum and weight_decay, sampling: with-replacement"
    elif train.amplify > 1 and batch is None:
        yield ("amplify",), "amplify needs minibatches: give optimizer.batch_size"
    if train.schedule.warmup >= train.steps:
        message = f"found {train.schedule.warmup}, allowed: 0 to {train.steps - 1}, fewer than the steps"
        yield ("schedule", "warmup"), message


def _check_clients(train: Train, clients: Clients, probes: Probes | None) -> Iterator[Problem]:
    """What federated averaging is defined for."""
    optimizer = train.optimizer
    if optimizer.kind != "sgd":
        yield ("optimizer", "kind"), f"found {optimizer.kind!r}, allowed: sgd, beside clients"
        return
    for name in ("momentum", "dampening", "nesterov", "weight_decay"):
        if getattr(optimizer, name):
            yield ("optimizer", name), "clients need plain SGD, with lr and batch_size alone"
    if train.schedule != ConstantSchedule(kind="constant"):
        yield ("schedule",), "clients need a constant learning rate, without warm-up"
    if train.amplify > 1:
        yield ("amplify",), "clients do not go with amplify"
    if train.weights is not None:
        yield ("weights",), "clients do not go with weights"
    if train.prune is not None:
        yield ("prune",), "clients do not go with prune"
    if probes is not None and probes.tangent:
        yield ("clients",), "clients do not go with probes that have tangent: true"
    if not train.data.labelled:
        yield ("clients",), "clients share out examples by class labels, these data hold targets"
    batch = optimizer.batch_size
    if batch is None:
        yield ("optimizer",), "clients need batch_size"
    elif clients.count * (least := least_examples(batch)) > (examples := train.data.examples):
        message = f"found {clients.count}, allowed: 2 to {examples // least}, so that each has at least "
        yield ("clients", "count"), message + f"{least} of {examples} examples"


def _check_loss(loss: str, data: Data) -> Iterator[Problem]:
    if loss == "cross_entropy" and not data.labelled:
        yield ("loss",), "found 'cross_entropy', allowed: mse, because these data hold targets"


def _check_data(data: Data) -> Iterator[Problem]:
    """The data's own sizes."""
    if isinstance(data, DigitsData):
        kept = list(range(10)) if data.classes is None else data.classes
        if not kept or len(set(kept)) != len(kept):
            yield ("data", "classes"), f"found {kept}, allowed: different digits from 0 to 9"
        if data.train + data.test > _DIGITS:
            yield ("data",), f"found train + test = {data.train + data.test}, allowed: at most {_DIGITS}"
    elif isinstance(data, ModularData | PermutationsData) and not 0 < data.examples < data.outputs**2:
        yield ("data", "fraction"), f"found {data.fraction:g}, which leaves none to train or to test on"


def _check_network(data: Data, network: MlpNetwork) -> Iterator[Problem]:
    """The data's own sizes, and their features and outputs against the network."""
    yield from _check_data(data)
    last = "classes" if data.labelled else "targets"
    sizes = ((0, data.features, "features"), (len(network.widths) - 1, data.outputs, last))
    for place, size, what in sizes:
        if network.widths[place] != size:
            found = network.widths[place]
            yield ("network", "widths", place), f"found {found}, allowed: {size}, the {what} of the data"


def check_simulate(scenario: Scenario, arm: Arm) -> Iterator[Problem]:
    simulate = arm.simulate
    assert simulate is not None
    yield from ((("surface", *place), message) for place, message in _check_surface(simulate.surface))
    try:
        dim = _dim(scenario, simulate)
    except SdesimError as error:
        yield ("surface",), str(error)
        return
    for k, noise in enumerate(simulate.noise):
        for place, message in _check_noise(scenario, simulate, noise, dim):
            yield ("noise", k, *place), message
    real = None if simulate.twin_of is None else scenario.arms[simulate.twin_of].train
    if real is not None and real.objectives is not None:
        yield ("twin_of",), f"{simulate.twin_of} trains on several objectives, for which there is no surface"
    if real is not None and real.weights is not None:
        yield ("twin_of",), f"{simulate.twin_of} draws its examples by weights, for which there is no surface"
    if real is not None and real.clients is not None:
        yield ("twin_of",), f"{simulate.twin_of} trains clients, each on a loss of its own between two rounds"
    if real is not None and real.start_from is not None and (simulate.trajectories or 0) > real.trajectories:
        message = (
            f"found {simulate.trajectories}, allowed: 1 to {real.trajectories}, those of {simulate.twin_of}"
        )
        yield ("trajectories",), message
    yield from _check_scheme(scenario, simulate)
    if isinstance(simulate.theta0, list) and len(simulate.theta0) != dim:
        yield ("theta0",), f"found {len(simulate.theta0)} numbers, allowed: {dim}, the surface's dimension"
    for k, event in enumerate(simulate.events):
        if isinstance(event, parts.OccupancyEvent):
            if not wells_of_arm(simulate):
                yield ("events", k), "occupancy needs a surface with wells"
        elif event.coordinate >= dim:
            message = f"found {event.coordinate}, allowed: 0 to {dim - 1}, the surface's coordinates"
            yield ("events", k, "coordinate"), message


def _check_surface(surface: Any) -> Iterator[Problem]:
    """The data of a surface that has some."""
    if isinstance(surface, parts.MaskedSurface):
        yield from ((("surface", *place), message) for place, message in _check_surface(surface.surface))
    elif isinstance(surface, parts.MlpSurface):
        yield from _check_network(surface.data, surface.network)
        yield from _check_loss(surface.loss, surface.data)
    elif isinstance(surface, parts.RandomFeaturesSurface):
        yield from _check_data(surface.data)
        if not surface.data.labelled and surface.data.outputs != 1:
            yield ("data", "outputs"), f"found {surface.data.outputs}, allowed: 1, random features have one"


def _check_scheme(scenario: Scenario, simulate: Simulate) -> Iterator[Problem]:
    from sdesim.engine.schemes import misfits

    for line in misfits(make_scheme(simulate.scheme), [noise_sort(n) for n in simulate.noise]):
        yield ("scheme",), line
    if simulate.scheme.kind == "sgd" and simulate.dt is not None:
        real = None if simulate.twin_of is None else scenario.arms[simulate.twin_of].train
        eta = simulate.learning_rate or (real.optimizer.lr if real is not None else simulate.dt)
        if simulate.dt != eta:
            yield ("dt",), f"found {simulate.dt:g}, allowed: {eta:g}, the learning rate, for scheme sgd"


def _dim(scenario: Scenario, simulate: Simulate) -> int:
    if simulate.twin_of is not None:
        real = scenario.arms[simulate.twin_of].train
        assert real is not None
        return real.dim
    return _dim_of(simulate.surface)


def _check_noise(scenario: Scenario, simulate: Simulate, model: Any, dim: int) -> Iterator[Problem]:
    real_arm = None if simulate.twin_of is None else scenario.arms[simulate.twin_of]
    real = None if real_arm is None else real_arm.train
    if isinstance(model, parts.MinibatchNoise):
        if not _has_examples(simulate):
            yield (), "minibatch noise needs a surface that is a mean over examples: kind mlp, or twin_of"
        elif model.batch_size is None and (real is None or real.optimizer.batch_size is None):
            yield (), "minibatch noise needs batch_size: there is no real arm with minibatches"
        return
    if getattr(model, "match", None) is not None:
        probes = None if real_arm is None else real_arm.probes or scenario.probes
        if probes is None or (probes.estimators != "all" and "gradient" not in probes.estimators):
            yield ("match",), f"match needs probes of the gradients of {simulate.twin_of}"
        return
    eta = simulate.learning_rate or simulate.dt or (real.optimizer.lr if real is not None else 1.0)
    try:
        noise = make_noise(model, None, eta, 0, float("nan"))
        noise.validate(dim)
        if getattr(model, "rule", "") == "reject" and dim <= _TRIAL_COORDINATES:
            noise.kernel(dim, simulate.dt or eta, eta)
    except SdesimError as error:
        yield (), str(error)
