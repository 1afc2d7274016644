"""What the arms of a scenario will take of memory and disk, reckoned from its sizes: nothing is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from sdesim.engine.memory import fitting, held_by_caller, held_each, saved_widths
from sdesim.engine.reductions.base import LEAF
from sdesim.engine.saved_times import time_problems
from sdesim.errors import SdesimError
from sdesim.io.memory import workers_here
from sdesim.kinds import dump
from sdesim.kinds.misfit import Path
from sdesim.noise.base import Context
from sdesim.runs.chunks import step_chunk, stored_numbers
from sdesim.runs.memory import reading_bytes
from sdesim.runs.needs import Factor, Need
from sdesim.runs.probes import SAVED_POINTS, Probes, saved_count
from sdesim.runs.sizes import seeds_at_most, streams
from sdesim.scenario.assemble import probes_of
from sdesim.scenario.continuing import begin_of
from sdesim.scenario.models import DRAWS, Scenario, Simulate, Train

# Of a network in training at float64: the given one, its copy, gradients, two states of an optimizer, and
# the copy that readings use.
_NETWORK = 6 * 8.0
# Examples as arrays, as tensors, and while they are drawn.
_DATA = 3 * 8.0
# Numbers at each saved point of a training beside θ: norm, projections, losses, accuracies, rate.
_CURVES = 24
# Numbers of a reading beside those of its draws, and of a draw: norm, product, projections.
_READING, _DRAW = 96, 18
# How the points of a simulation are saved where nobody says, and copies of a chunk while it is written.
_POINTS, _COPIES = 1000, 3
# Saved points that a worker of a cluster keeps before it writes them, at the most.
_AT_ONCE = 256
# Bytes that summary and report hold for each trajectory and saved point, as measured: the loss, the norm and
# what is sorted and drawn of them.
_REPORT = 17 * 8.0
# Bytes of the page of an arm with its figures, and of what is said of arrays; with readings; and of memory
# while they are drawn.
_PAGE, _PAGE_OF_READINGS, _DRAWN = 3.5e5, 9e5, 5e6
# Copies of the saved weights of a seed while they are made and written, as measured.
_SEED = 4
# Copies of a state beside the run while a checkpoint is written.
_KEPT = 4


def needs(scenario: Scenario, arm: str) -> list[Need]:
    """What an arm takes of this machine, within `memory.spread` beside what workers elsewhere hold; empty as
    far as only its run tells."""
    one = scenario.arms[arm]
    with suppress(SdesimError, ModuleNotFoundError):
        if one.train is not None:
            return list(_of_training(scenario, arm, one.train))
        assert one.simulate is not None
        return list(_of_simulation(scenario, arm, one.simulate))
    return []


def trajectories_of(scenario: Scenario, arm: str) -> int:
    """How many trajectories an arm has."""
    simulate, train = scenario.arms[arm].simulate, scenario.arms[arm].train
    if train is not None:
        return train.trajectories
    assert simulate is not None
    real = None if simulate.twin_of is None else scenario.arms[simulate.twin_of].train
    if real is None:
        return simulate.trajectories or 1
    return simulate.trajectories or (DRAWS if simulate.at is not None else real.trajectories)


def points_of(scenario: Scenario, arm: str) -> float:
    """How many points of each trajectory are saved."""
    simulate, train, steps = scenario.arms[arm].simulate, scenario.arms[arm].train, scenario.steps(arm)
    if train is not None:
        return saved_count(steps, train.save_every or max(1, steps // SAVED_POINTS))
    assert simulate is not None
    return _points(simulate, (), steps).value


def _of_simulation(scenario: Scenario, arm: str, simulate: Simulate) -> Iterator[Need]:
    real = None if simulate.twin_of is None else scenario.arms[simulate.twin_of].train
    place: Path = ("arms", arm, "simulate")
    begin = begin_of(simulate, arm)
    given = simulate.steps if simulate.T is not None or simulate.steps is not None else scenario.steps(arm)
    if any(
        time_problems(scenario.dt(simulate), given, simulate.T, simulate.save_every, simulate.save_at, begin)
    ):
        return
    steps = scenario.steps(arm)
    if real is None:
        equation = simulate.equation
        slot = "surface" if simulate.sde is None else "sde"
        size = _largest(equation, (*place, slot), float(equation.dim))
        held = _largest(equation, (*place, slot), float(getattr(equation, "numbers", equation.dim)))
        yield Need("the surface" if simulate.sde is None else "the equation", 8.0 * 3, (held,))
    else:
        size = _network(real, ("arms", str(simulate.twin_of), "train"))
    count = trajectories_of(scenario, arm)
    many = Factor((*place, "trajectories"), count, count)
    dim = size.value
    # Directions of the projections are written out.
    yield Need("what is held for each coordinate", 16 * 8.0, (size,))
    exits = sum(bool(event.watches) for event in simulate.events)
    each = held_each(dim, exits, bool(getattr(simulate.scheme, "velocity", False)))
    widths = saved_widths(dim, simulate.save, len(simulate.observe))
    numbers = sum(widths)
    points = _points(simulate, place, steps)
    # Twins are walked by this process.
    workers = workers_here() if real is None else None
    if workers is None:
        yield Need("the ensemble", each / dim, (many, size))
        yield from _of_noises(simulate, place, many, size, steps, real)
    else:
        yield Need("where the trajectories begin", held_by_caller(dim) / dim, (many, size))
    if workers:
        row = 8.0 * min(_AT_ONCE, points.value) * numbers
        block = max(float(LEAF), min(fitting(row, dim), count / workers))
        walked = workers * block * (each + _COPIES * row)
        yield Need("the blocks of the workers", walked / dim, (size,))
        some = Factor(many.path, many.found, workers * block, sense=0)
        yield from _of_noises(simulate, place, some, size, steps, real)
    yield Need("the numbers of the saved steps", 3 * 8.0, (points,))
    if numbers:
        part = points if simulate.save_at is None else Factor(points.path, points.found, points.value, 0)
        chunk = step_chunk(count, dim, int(points.value))
        whole = {"trajectory": int(count), "step": int(points.value)}
        kept = sum(stored_numbers({**whole, "param": int(width)}, True, chunk) for width in widths)
        each_kept = 8.0 * kept / (count * points.value * dim)
        yield Need("what is saved", each_kept, (many, part, size), stored=True)
        yield Need("what summary and report read", _REPORT, (many, part))
        if workers is None:
            yield Need("a chunk of what is saved", 8.0 * _COPIES * chunk * numbers / dim, (many, size))
    yield from _reduced(simulate, place, points, size, steps)
    # The state beside the run from which an interrupted one goes on, old and new.
    yield Need("checkpoints", 2 * each / (4 * dim), (many, size), stored=True)
    probes = probes_of(scenario, scenario.arms[arm])
    yield from _of_probes(scenario, arm, probes, count, steps, size, copies=3)


def _of_noises(
    simulate: Simulate, place: Path, many: Factor, size: Factor, steps: int, real: Train | None
) -> Iterator[Need]:
    """States that go on from step to step, and whole paths, of noises that have them."""
    holder: Any = simulate.equation if real is None else real.data
    examples = int(getattr(holder, "examples", 0))
    dim = int(size.value)
    context = Context(dim, 1.0, sampling="" if real is None else real.sampling)
    for k, noise in enumerate(simulate.noise):
        at: Path = (*place, "noise", k)
        if state := float(noise.state_numbers(context, examples)):
            yield Need(f"the states of {noise.kind}", 8.0 * _KEPT * state / dim, (many, size))
        if path := float(noise.path_numbers(dim)):
            long = Factor((*at, "kind"), noise.kind, steps, sense=0)
            if simulate.steps is not None:
                long = Factor((*place, "steps"), simulate.steps, steps)
            yield Need(f"the paths of {noise.kind}", 8.0 * path / dim, (many, long, size))


def _of_training(scenario: Scenario, arm: str, train: Train) -> Iterator[Need]:
    place: Path = ("arms", arm, "train")
    data = _largest(train.data, (*place, "data"), float(train.data.numbers))
    size = _network(train, place)
    together = seeds_at_most(int(size.value), train.optimizer.batch_size)
    # Processes of this machine that train beside this one, each with as many seeds at a time.
    beside = min(workers_here() or 0, -(-train.trajectories // together))
    # Seeds of one program are moved together whether there are so many or not; none beyond is kept.
    moved = max(1, beside) * together
    kept = min(moved, train.trajectories)
    yield Need("the examples", _DATA * (1 + beside), (data,))
    yield Need("the network, its gradients and the optimizer", _NETWORK * moved, (size,))
    every = train.save_every or max(1, train.steps // SAVED_POINTS)
    points = _every(train.steps, every, train.save_every, place)
    many = Factor((*place, "trajectories"), train.trajectories, train.trajectories)
    yield Need("the curves", 8.0 * _CURVES, (many, points), stored=True)
    yield Need("the numbers of the saved steps", 3 * 8.0, (points,))
    yield Need("the curves of seeds in training", 2 * 8.0 * _CURVES * kept, (points,))
    if "theta" in train.save:
        saved = {"trajectory": 1, "step": int(points.value), "param": int(size.value)}
        each = 8.0 * stored_numbers(saved, False, 1) / (points.value * size.value)
        yield Need("the saved weights", each, (many, points, size), stored=True)
        yield Need("the saved weights of seeds in training", 8.0 * _SEED * kept, (points, size))
    probes = probes_of(scenario, scenario.arms[arm])
    yield from _of_probes(scenario, arm, probes, train.trajectories, train.steps, size, copies=2)


def _of_probes(
    scenario: Scenario, arm: str, probes: Probes | None, count: int, steps: int, size: Factor, copies: int
) -> Iterator[Need]:
    page: Path = ("arms", arm)
    bytes_ = _PAGE if probes is None else _PAGE_OF_READINGS
    once = Factor(page, arm, 1, sense=0)
    yield Need("the page and its figures", bytes_, (once,), stored=True)
    yield Need("the figures", _DRAWN, (once,))
    if probes is None:
        return
    own = scenario.arms[arm].probes is not None
    place: Path = ("arms", arm, "probes") if own else ("probes",)
    draws = Factor((*place, "samples"), probes.samples, probes.samples)
    if probes.most > probes.samples:
        draws = Factor((*place, "most_samples"), probes.most, probes.most)
    probed = min(probes.trajectories, count)
    many = Factor((*place, "trajectories"), probes.trajectories, probed)
    interval = probes.interval(steps)
    count = 1 + steps // interval
    readings = Factor((*place, "every"), probes.every, count, sense=-1)
    # With the rest of the last chunk.
    part = stored_numbers({"trajectory": 1, "probe": count}, True, 1) / count
    yield Need("the readings", 8.0 * _READING * part, (many, readings), stored=True)
    yield Need("the draws of the readings", 8.0 * _DRAW * part, (many, readings, draws), stored=True)
    yield Need("the numbers of the readings", 2 * 8.0 * _READING, (many, readings))
    train = scenario.arms[arm].train
    if train is not None:
        yield from _of_batches(train, probes, place)
    if probes.wants("progress") and probes.branches:
        branches = Factor((*place, "branches"), probes.branches, probes.branches)
        yield Need("measured progress", 4 * 8.0, (branches, size) if train is None else (branches,))
    if probes.wants("gradient") or probes.wants("curvature"):
        bytes_ = reading_bytes(probes, int(size.value), copies)
        if copies == 3 or not _streams(probes, size):
            yield Need("a reading", bytes_ / (probes.samples * size.value), (
                Factor((*place, "samples"), probes.samples, probes.samples), size))  # fmt: skip


def _of_batches(train: Train, probes: Probes, place: Path) -> Iterator[Need]:
    """Examples of a probed batch, read together with what the network makes of them."""
    if probes.batch_size is not None:
        batch = Factor((*place, "batch_size"), probes.batch_size, probes.batch_size)
        yield Need("a probed batch", 2 * 8.0 * float(train.data.features), (batch,))


def _streams(probes: Probes, size: Factor) -> bool:
    return streams(int(size.value), probes.samples)


def _reduced(simulate: Simulate, place: Path, points: Factor, size: Factor, steps: int) -> Iterator[Need]:
    """What reductions keep at each point, twice: the sums, and what comes of them."""
    for k, reduction in enumerate(simulate.reduce):
        width = float(reduction.settled_width(int(size.value)))
        looked = points
        if reduction.every == "step":
            looked = Factor((*place, "reduce", k, "every"), reduction.every, steps + 1, sense=0)
        held = Factor((*place, "reduce", k), reduction.kind, width, sense=0)
        yield Need("the reduction", 16.0, (looked, held))


def _points(simulate: Simulate, place: Path, steps: int) -> Factor:
    """Saved points of a simulation."""
    if simulate.save_at is not None:
        count = len(simulate.save_at)
        return Factor((*place, "save_at"), f"{count} times", count, sense=0)
    return _every(steps, simulate.save_every or max(1, steps // _POINTS), simulate.save_every, place)


def _every(steps: int, every: int, given: int | None, place: Path) -> Factor:
    return Factor((*place, "save_every"), given, saved_count(steps, every), sense=-1)


def _network(train: Train, place: Path) -> Factor:
    return _largest(train.network, (*place, "network"), float(train.network.dim))


def _largest(kind: Any, path: Path, size: float) -> Factor:
    """A size that is made of a kind's fields: the largest whole number of them stands for it."""
    found = max(_numbers(dump(kind), path), key=lambda item: item[1], default=(path, kind.kind))
    exact = isinstance(found[1], int) and found[1] == size
    return Factor(found[0], found[1], max(1.0, size), sense=int(exact))


def _numbers(value: Any, path: Path) -> Iterator[tuple[Path, int]]:
    """Whole numbers within plain data, but for seeds, which are no sizes."""
    if isinstance(value, Mapping):
        parts = [(key, part) for key, part in value.items() if key != "seed"]
    else:
        parts = list(enumerate(value)) if isinstance(value, list) else []
    for key, part in parts:
        yield from _numbers(part, (*path, key))
    if isinstance(value, int) and not isinstance(value, bool):
        yield path, value
