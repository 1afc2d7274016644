"""From the models of a scenario to surfaces, noises, networks and data."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.data import Dataset
from sdesim.errors import SdesimError
from sdesim.scenario import parts
from sdesim.scenario.data import Data
from sdesim.scenario.models import Arm, Probes, Scenario, Simulate, Train
from sdesim.scenario.training import Adam, ConstantSchedule, MlpNetwork, Sgd

_MEDIAN_DRAWS = 20_000
_MEDIAN_CHUNK = 500


def arm_seed(seed: int, arm: str) -> int:
    """The seed of an arm: a function of the scenario's seed and the arm's name."""
    words = np.random.SeedSequence([seed, zlib.crc32(arm.encode())]).generate_state(1, np.uint64)
    return int(words[0] >> np.uint64(1))


def make_data(model: Data) -> Any:
    """The data set."""
    from sdesim import data

    makers: dict[str, Callable[..., Any]] = {
        "digits": data.digits,
        "mnist-1d": data.mnist1d,
        "modular-addition": data.modular_addition,
        "permutations": data.permutations,
        "teacher-student": data.teacher_student,
        "chebyshev": data.chebyshev,
    }
    return makers[model.kind](**model.model_dump(exclude={"kind"}))


def make_surface(model: Any) -> Any:
    """The surface of a simulated arm without a twin."""
    from sdesim import surfaces

    if isinstance(model, parts.FlatSurface):
        return surfaces.Flat(model.dim)
    if isinstance(model, parts.QuadraticSurface):
        return surfaces.Quadratic(model.eigenvalues, model.center, model.rotation)
    if isinstance(model, parts.DoubleWellSurface):
        return surfaces.DoubleWell(model.dim, model.barrier, model.tilt)
    if isinstance(model, parts.WellsSurface):
        return surfaces.Wells(tuple(model.points), tuple(model.heights), tuple(model.names))
    if isinstance(model, parts.FlatSharpSurface):
        return surfaces.FlatSharp(model.flat_curvature, model.sharp_curvature, model.separation)
    if isinstance(model, parts.RoughSurface):
        return surfaces.Rough(**model.model_dump(exclude={"kind"}))
    if isinstance(model, parts.RosenbrockSurface):
        return surfaces.Rosenbrock(model.dim)
    if isinstance(model, parts.StyblinskiSurface):
        return surfaces.Styblinski(model.dim)
    if isinstance(model, parts.ProductSurface):
        return surfaces.Product(model.depth)
    if isinstance(model, parts.LeastSquaresSurface):
        return surfaces.LeastSquares(model.A, model.b, model.ridge)
    if isinstance(model, parts.MaskedSurface):
        base = make_surface(model.surface)
        return surfaces.masked(base, make_mask(model, base.dim), model.values)
    data = make_data(model.data)
    if isinstance(model, parts.RandomFeaturesSurface):
        return surfaces.RandomFeatures(
            model.features, data.x_train, signs(data.y_train, data), model.activation, model.ridge, model.seed
        )
    net = model.network
    y = np.eye(data.outputs)[data.y_train] if model.loss == "mse" and data.labelled else data.y_train
    start, weights = initial_weights(net)
    surface = surfaces.MLP(
        net.widths, data.x_train, y, net.activation, model.loss, start=start, seed=net.seed
    )
    return surface if net.bias else surfaces.masked(surface, weights, 0.0)


def initial_weights(net: MlpNetwork) -> tuple[NDArray[np.float64] | None, NDArray[np.bool_]]:
    """Start (d,) of a network with biases, None for the surface's own; and which entries are weights.

    xavier-normal: W ~ N(0, 2/(fan-in + fan-out)); normal: W ~ N(0, 1/fan-in); both times scale, biases 0.
    """
    rng = np.random.default_rng(net.seed)
    start, weights = [], []
    for fan_in, fan_out in pairwise(net.widths):
        variance = 2.0 / (fan_in + fan_out) if net.init == "xavier-normal" else 1.0 / fan_in
        size = fan_in * fan_out
        start += [net.scale * math.sqrt(variance) * rng.standard_normal(size), np.zeros(fan_out)]
        weights += [np.ones(size, dtype=np.bool_), np.zeros(fan_out, dtype=np.bool_)]
    mask = np.concatenate(weights)
    if net.init != "default":
        return np.concatenate(start), mask
    if net.scale == 1.0:
        return None, mask
    bound = [np.full(b * (a + 1), net.scale / math.sqrt(a)) for a, b in pairwise(net.widths)]
    return np.concatenate(bound) * rng.uniform(-1.0, 1.0, len(mask)), mask


def signs(y: NDArray[Any], data: Dataset) -> NDArray[np.float64]:
    """The one target of each answer (n,): +1 for the upper half of the classes, else −1; a target itself."""
    return np.where(2 * y >= data.classes, 1.0, -1.0) if data.labelled else y[:, 0]


def data_of(model: Any) -> Data | None:
    """The data of a surface that stands for a model of them, masked or not."""
    inner = model.surface if isinstance(model, parts.MaskedSurface) else model
    return inner.data if isinstance(inner, parts.MlpSurface | parts.RandomFeaturesSurface) else None


def make_evaluation(surface: Any, data: Dataset) -> Any:
    """What reads accuracies and test losses off a surface's θ."""
    from sdesim.engine import NetworkEvaluation
    from sdesim.surfaces import RandomFeatures

    base = getattr(surface, "surface", surface)
    y = signs(data.y_test, data) if isinstance(base, RandomFeatures) else data.y_test
    return NetworkEvaluation(surface, data.x_test, y, labelled=data.labelled)


def make_mask(model: parts.MaskedSurface, dim: int) -> NDArray[np.bool_]:
    """Which of dim coordinates are trained: (dim,).

    Raises:
        SdesimError: if a coordinate is not one of the surface's.
    """
    if model.coordinates is not None:
        chosen = np.array(model.coordinates, dtype=np.int64)
        if chosen.size and chosen.max() >= dim:
            raise SdesimError(f"coordinates must lie in [0, {dim}), got {chosen.max()}")
    else:
        assert model.keep is not None
        count = max(1, round(model.keep * dim))
        chosen = np.random.default_rng(model.seed).permutation(dim)[:count]
    mask = np.zeros(dim, dtype=np.bool_)
    mask[chosen] = True
    return mask


def make_noise(model: Any, surface: Any, eta: float, batch_size: int, trace: float) -> Any:
    """A driving noise; batch_size and trace are the real arm's (0 and NaN without one)."""
    from sdesim import noise

    if isinstance(model, parts.GaussianNoise):
        diffusion = model.diffusion
        if model.match is not None:
            diffusion = 0.5 * eta * _known(trace) / surface.dim
        elif model.gradient_variance is not None:
            diffusion = 0.5 * eta * model.gradient_variance / (model.batch_size or 1)
        return noise.Gaussian(diffusion=diffusion, factor=model.factor)
    if isinstance(model, parts.StableNoise):
        scale = model.scale
        if model.match is not None:
            scale = eta * float(np.sqrt(_known(trace))) / median_length(model.alpha, surface.dim, eta)
        assert scale is not None
        return noise.Stable(
            model.alpha,
            scale,
            model.skew,
            model.structure,
            model.truncation,
            model.rule,
            model.tempering,
            model.method,
        )
    if isinstance(model, parts.MultiplicativeNoise):
        return noise.Multiplicative(model.scale)
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


def make_scheme(model: parts.PlainScheme | parts.BaoabScheme | parts.HeavyBallScheme) -> Any:
    """The scheme of a simulated arm."""
    from sdesim.engine import SCHEMES

    return SCHEMES[model.kind](**model.model_dump(exclude={"kind"}))


def noise_sort(model: Any) -> str:
    """Which of the sorts that matter to a scheme a noise is of."""
    if isinstance(model, parts.GaussianNoise):
        return "gaussian"
    if isinstance(model, parts.StableNoise):
        return "gaussian" if model.alpha == 2.0 and model.truncation is None else "levy"
    return "minibatch" if isinstance(model, parts.MinibatchNoise) else "multiplicative"


def make_events(model: Simulate) -> list[Any]:
    """Events of a simulated arm."""
    from sdesim.engine import Exit, Occupancy

    return [
        Exit(
            -math.inf if e.lower is None else e.lower,
            math.inf if e.upper is None else e.upper,
            e.coordinate,
            e.stop,
        )
        if isinstance(e, parts.ExitEvent)
        else Occupancy()
        for e in model.events
    ]


def make_probes(scenario: Scenario, arm: Arm, stretch: int = 1) -> Any:
    """Probes of an arm; `stretch` steps of a twin last as long as one of the real arm's."""
    from sdesim.runs import Probes as RunProbes

    model: Probes | None = arm.probes or scenario.probes
    if model is None:
        return None
    every = model.every if arm.probes is not None or model.every is None else model.every * stretch
    names = model.estimators if isinstance(model.estimators, str) else tuple(model.estimators)
    return RunProbes(
        every,
        model.samples,
        model.batch_size,
        names,
        model.trajectories,
        model.tangent,
        model.curvature_every,
    )


def make_network(train: Train) -> Any:
    """The torch module with its initial weights."""
    from sdesim.networks.fully_connected import mlp

    net = train.network
    return mlp(net.widths, net.activation, net.seed, bias=net.bias, init=net.init, scale=net.scale)


def make_ticket(train: Train, network: Any, data: Dataset) -> tuple[Any, NDArray[np.bool_] | None]:
    """The network to be recorded and which of its weights are left, None for all."""
    if train.prune is None:
        return network, None
    from sdesim.training import prune, reinitialised

    recipe = train.prune
    mask = prune(
        network,
        loss_function(train),
        data,
        optimizer_factory(train.optimizer),
        rule=recipe.rule,
        sparsity=recipe.sparsity,
        rounds=recipe.rounds,
        steps=recipe.steps or 0,
        batch_size=train.optimizer.batch_size,
        sampling=train.sampling,
        weights=train.weights,
        seed=recipe.seed,
    )
    return (network if recipe.weights == "original" else reinitialised(network, recipe.seed)), mask


def make_clients(train: Train) -> Any:
    """Settings of federated averaging, None without it."""
    if train.clients is None:
        return None
    from sdesim.training import Clients

    return Clients(**train.clients.model_dump())


def fresh_starts(
    network: Any, seed: int, trajectories: int, mask: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """The starting points (trajectories, d) of a real arm with `init: fresh`."""
    from sdesim.networks.fully_connected import flat_parameters
    from sdesim.training.loop.one_seed import fresh_module, isolated_torch

    with isolated_torch():
        modules = [fresh_module(network, seed, k) for k in range(trajectories)]
    starts = np.stack([flat_parameters(module) for module in modules])
    return starts if mask is None else starts[:, mask]


def loss_function(train: Train) -> Callable[..., Any]:
    """The arm's loss; squared error on labels is that of their one-hot codes."""
    from torch.nn import functional

    from sdesim.networks.fully_connected import one_hot_mse

    if train.objectives is not None:
        from sdesim.networks.objectives import Objectives

        return Objectives({o.target: o.weight for o in train.objectives})
    if train.loss == "cross_entropy":
        return functional.cross_entropy
    return one_hot_mse if train.data.labelled else functional.mse_loss


def optimizer_factory(model: Sgd | Adam) -> Callable[..., Any]:
    """Parameters → torch optimizer."""
    import torch

    if isinstance(model, Sgd):
        options = model.model_dump(exclude={"kind", "batch_size"})
        return lambda p: torch.optim.SGD(p, **options)
    options = model.model_dump(exclude={"kind", "batch_size", "betas"})
    kind = torch.optim.AdamW if model.kind == "adamw" else torch.optim.Adam
    return lambda p: kind(p, betas=(model.betas[0], model.betas[1]), **options)


def scheduler_factory(train: Train) -> Callable[..., Any] | None:
    """Optimizer → torch scheduler; None where the learning rate is constant."""
    from torch.optim.lr_scheduler import LambdaLR

    schedule, steps = train.schedule, train.steps
    if schedule == ConstantSchedule(kind="constant"):
        return None
    return lambda optimizer: LambdaLR(optimizer, lambda step: schedule.rate(step, steps))
