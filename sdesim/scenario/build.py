"""From the models of a scenario to surfaces, noises, networks and data."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sdesim.errors import SdesimError
from sdesim.scenario import parts
from sdesim.scenario.models import Arm, Probes, Scenario, Simulate, Train

_DIGITS = 1797
_MEDIAN_DRAWS = 20_000
_MEDIAN_CHUNK = 500


class PartError(SdesimError):
    """A part that can't be made, with the field it stands in (relative to simulate or train)."""

    def __init__(self, field: tuple[str | int, ...], message: object) -> None:
        super().__init__(str(message))
        self.field = field


@dataclass(frozen=True)
class Twin:
    """What a simulated twin takes from its recorded real arm.

    Attributes:
        network: the torch module with the starting weights.
        data: the data set. train: the real arm's model.
        noise_trace: mean Tr Σ of the training batch over the real arm's probes; NaN without probes.
    """

    network: Any
    data: Any
    train: Train
    noise_trace: float


def arm_seed(seed: int, arm: str) -> int:
    """The seed of an arm: a function of the scenario's seed and the arm's name."""
    words = np.random.SeedSequence([seed, zlib.crc32(arm.encode())]).generate_state(1, np.uint64)
    return int(words[0] >> np.uint64(1))


def make_data(model: parts.DigitsData | parts.ModularData) -> Any:
    """The data set."""
    from sdesim import data

    if isinstance(model, parts.DigitsData):
        return data.digits(model.train, model.test, model.seed, model.label_noise, model.classes)
    return data.modular_addition(model.p, model.fraction, model.seed)


def _check_network(
    data: parts.DigitsData | parts.ModularData, network: parts.MlpNetwork, batch_size: int | None
) -> None:
    """Shapes of data against network and batch, without loading anything."""
    if isinstance(data, parts.DigitsData):
        features, classes = 64, len(data.classes) if data.classes else 10
        examples = data.train
        if data.train + data.test > _DIGITS:
            raise PartError(
                ("data",), f"train + test must be at most {_DIGITS}, found {data.train} + {data.test}"
            )
    else:
        features, classes, examples = 2 * data.p, data.p, int(data.fraction * data.p**2)
    for place, size, what in ((0, features, "features"), (-1, classes, "classes")):
        if network.widths[place] != size:
            where = len(network.widths) - 1 if place else 0
            raise PartError(
                ("network", "widths", where),
                f"found {network.widths[place]}, allowed: {size}, the {what} of the data",
            )
    if batch_size is not None and batch_size > examples:
        raise PartError(
            ("optimizer", "batch_size"), f"found {batch_size}, allowed: 1 to {examples}, the examples"
        )


def make_surface(model: Any) -> Any:
    """The surface of a simulated arm without a twin."""
    from sdesim import surfaces

    if isinstance(model, parts.FlatSurface):
        return surfaces.Flat(model.dim)
    if isinstance(model, parts.QuadraticSurface):
        return surfaces.Quadratic(model.eigenvalues, model.center, model.rotation)
    if isinstance(model, parts.DoubleWellSurface):
        return surfaces.DoubleWell(model.dim, model.barrier, model.tilt)
    if isinstance(model, parts.FlatSharpSurface):
        return surfaces.FlatSharp(model.flat_curvature, model.sharp_curvature, model.separation)
    data = make_data(model.data)
    net = model.network
    return surfaces.MLP(net.widths, data.x_train, data.y_train, net.activation, model.loss, seed=net.seed)


def make_noise(model: Any, surface: Any, eta: float, batch_size: int, trace: float) -> Any:
    """A driving noise; batch_size and trace are the real arm's (0 and NaN without one)."""
    from sdesim import noise

    if isinstance(model, parts.GaussianNoise):
        diffusion = model.diffusion
        if model.match is not None:
            diffusion = 0.5 * eta * _known(trace) / surface.dim
        return noise.Gaussian(diffusion=diffusion, factor=model.factor)
    if isinstance(model, parts.StableNoise):
        scale = model.scale
        if model.match is not None:
            scale = eta * float(np.sqrt(_known(trace))) / median_length(model.alpha, surface.dim, eta)
        assert scale is not None
        return noise.Stable(model.alpha, scale, model.skew, model.structure, model.truncation, model.rule)
    batch = model.batch_size or batch_size
    if not batch:
        raise SdesimError("minibatch noise needs batch_size: there is no real arm with minibatches")
    return noise.Minibatch(surface, batch, model.learning_rate or eta, model.law)


def _known(trace: float) -> float:
    if not np.isfinite(trace):
        raise SdesimError("match needs probes of the real arm's gradients")
    return trace


def median_length(alpha: float, dim: int, eta: float) -> float:
    """Median Euclidean norm of an isotropic stable increment of unit scale over η, from 20,000 draws."""
    from sdesim.noise import Stable, increments

    kernel = Stable(alpha, 1.0, structure="isotropic").kernel(dim, eta, eta)
    starts = range(0, _MEDIAN_DRAWS, _MEDIAN_CHUNK)
    lengths = [
        np.sqrt((increments(kernel, dim, _MEDIAN_CHUNK, seed=0, first=k)[0] ** 2).sum(axis=1)) for k in starts
    ]
    return float(np.median(np.concatenate(lengths)))


def make_events(model: Simulate) -> list[Any]:
    """Events of a simulated arm."""
    from sdesim.engine import Exit, Occupancy

    return [
        Exit(e.lower, e.upper, e.coordinate, e.stop) if isinstance(e, parts.ExitEvent) else Occupancy()
        for e in model.events
    ]


def make_probes(scenario: Scenario, arm: Arm, stretch: int = 1) -> Any:
    """Probes of an arm; `stretch` steps of a twin last as long as one of the real arm's."""
    from sdesim.runs import Probes as RunProbes

    model: Probes | None = arm.probes or scenario.probes
    if model is None:
        return None
    every = model.every if arm.probes is not None else model.every * stretch
    names = model.estimators if isinstance(model.estimators, str) else tuple(model.estimators)
    return RunProbes(every, model.samples, model.batch_size, names, model.trajectories)


def make_network(train: Train) -> Any:
    """The torch module with its initial weights."""
    from sdesim.training.networks import mlp

    return mlp(train.network.widths, train.network.activation, train.network.seed)


def loss_function(name: str) -> Callable[..., Any]:
    """torch's loss of that name."""
    from torch.nn import functional

    functions: dict[str, Callable[..., Any]] = {
        "cross_entropy": functional.cross_entropy,
        "mse": functional.mse_loss,
    }
    return functions[name]


def optimizer_factory(model: parts.Sgd | parts.Adam) -> Callable[..., Any]:
    """Parameters → torch optimizer."""
    import torch

    if isinstance(model, parts.Sgd):
        sgd = model
        return lambda p: torch.optim.SGD(
            p, lr=sgd.lr, momentum=sgd.momentum, nesterov=sgd.nesterov, weight_decay=sgd.weight_decay
        )
    adam = model
    return lambda p: torch.optim.Adam(
        p, lr=adam.lr, betas=(adam.betas[0], adam.betas[1]), weight_decay=adam.weight_decay
    )


def check_arm(scenario: Scenario, name: str, arm: Arm) -> None:
    """Make what can be made without data or training.

    Raises:
        PartError: with the field that does not fit.
    """
    if arm.train is not None:
        _check_network(arm.train.data, arm.train.network, arm.train.optimizer.batch_size)
        if arm.train.loss == "mse":
            raise PartError(("loss",), "found 'mse', allowed: cross_entropy, because these data have labels")
        return
    simulate = arm.simulate
    assert simulate is not None
    if simulate.twin_of is not None:
        other = scenario.arms[simulate.twin_of].train
        assert other is not None
        _check_twin(scenario, simulate, other, scenario.arms[simulate.twin_of].probes)
        return
    if isinstance(simulate.surface, parts.MlpSurface):
        _check_network(simulate.surface.data, simulate.surface.network, None)
        return
    try:
        surface = make_surface(simulate.surface)
    except SdesimError as error:
        raise PartError(("surface",), error) from None
    for k, model in enumerate(simulate.noise):
        try:
            noise = make_noise(model, surface, simulate.learning_rate or simulate.dt or 1.0, 0, float("nan"))
            noise.validate(surface.dim)
        except SdesimError as error:
            raise PartError(("noise", k), error) from None
    if isinstance(simulate.theta0, list) and len(simulate.theta0) != surface.dim:
        raise PartError(
            ("theta0",),
            f"found {len(simulate.theta0)} numbers, allowed: {surface.dim}, the surface's dimension",
        )
    for k, event in enumerate(simulate.events):
        if isinstance(event, parts.ExitEvent):
            _check_exit(event, k, surface.dim)
        elif not surface.wells:
            raise PartError(("events", k), "occupancy needs a surface with named wells")


def _check_exit(event: parts.ExitEvent, k: int, dim: int) -> None:
    if event.coordinate >= dim:
        raise PartError(
            ("events", k, "coordinate"), f"found {event.coordinate}, allowed: 0 to {dim - 1}, the surface's"
        )
    if not event.lower < event.upper:
        raise PartError(("events", k), f"lower must be below upper, found {event.lower} and {event.upper}")


def _check_twin(scenario: Scenario, simulate: Simulate, real: Train, probes: Probes | None) -> None:
    for k, noise in enumerate(simulate.noise):
        if getattr(noise, "match", None) and probes is None and scenario.probes is None:
            raise PartError(("noise", k, "match"), "match needs probes of the real arm")
        full = real.optimizer.batch_size is None
        if isinstance(noise, parts.MinibatchNoise) and full and noise.batch_size is None:
            raise PartError(("noise", k), "needs batch_size, because the real arm is full-batch")
    if any(not isinstance(e, parts.ExitEvent) for e in simulate.events):
        raise PartError(("events",), "occupancy needs a surface with named wells")
