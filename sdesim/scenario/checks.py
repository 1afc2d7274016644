"""What the types of a scenario's fields can't tell: names, shapes and sizes against one another.

Nothing here loads data, trains or writes; a scenario that passes can be run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sdesim.errors import SdesimError
from sdesim.scenario import parts
from sdesim.scenario.base import nearest
from sdesim.scenario.build import data_of, make_mask, make_noise, make_scheme, make_surface, noise_sort
from sdesim.scenario.data import Data, DigitsData, ModularData, PermutationsData
from sdesim.scenario.expect import (
    MEASURED,
    MOMENT,
    NEEDS_CURVATURE,
    NEEDS_GRADIENTS,
    PATH,
    PREFIXES,
    SPECIAL,
    WHEN,
)  # fmt: skip
from sdesim.scenario.models import Arm, Expect, Scenario, Simulate, Train
from sdesim.scenario.training import MlpNetwork, Sgd

Problem = tuple[tuple[str | int, ...], str]
_DIGITS = 1797
_OF_NETWORKS = ("train_accuracy", "test_loss", "test_accuracy", "final_accuracy")
# A trial of rule "reject" draws 4,096 increments of this many coordinates at most.
_TRIAL_COORDINATES = 1000


def cross_check(scenario: Scenario) -> list[Problem]:
    """Names that lead nowhere, as (path, message)."""
    found: list[Problem] = []
    arms, real = list(scenario.arms), scenario.real
    for name, arm in scenario.arms.items():
        if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
            found.append((("arms", name), "arm names hold letters, digits, - and _ only"))
        twin = None if arm.simulate is None else arm.simulate.twin_of
        if twin is not None and twin not in real:
            found.append((("arms", name, "simulate", "twin_of"), f"found {twin!r}, {_no_real(twin, real)}"))
    chosen = None if scenario.compare is None else scenario.compare.reference
    if chosen is not None and chosen not in real:
        found.append((("compare", "reference"), f"found {chosen!r}, {_no_real(chosen, real)}"))
    for k, q in enumerate(_compared(scenario) or ()):
        allowed = [*_comparable(), "phase", "phase_literal"]
        if q not in allowed:
            found.append((("compare", "quantities", k), f"found {q!r}{nearest(q, allowed)}"))
    for k, e in enumerate(scenario.expect):
        for field in ("arm", "than"):
            named = getattr(e, field)
            if named is not None and named not in arms:
                found.append((("expect", k, field), f"found {named!r}, not an arm{nearest(named, arms)}"))
        found += [(("expect", k, *place), message) for place, message in _unknown(e)]
    return found


def unbuildable(scenario: Scenario) -> list[Problem]:
    """What only looking at the parts together can tell; for scenarios whose names are right."""
    found: list[Problem] = []
    for name, arm in scenario.arms.items():
        side = "simulate" if arm.simulate is not None else "train"
        problems = _check_train(arm.train) if arm.train is not None else _check_simulate(scenario, arm)
        found += [(("arms", name, side, *place), message) for place, message in problems]
    if found:
        return found
    found += _incomparable(scenario)
    for k, e in enumerate(scenario.expect):
        for arm_name in (e.arm, e.than):
            if arm_name is not None:
                problems = _unanswerable(scenario, arm_name, e)
                found += [(("expect", k, *place), message) for place, message in problems]
    return found


def _incomparable(scenario: Scenario) -> list[Problem]:
    """Quantities to be compared that one of two arms won't hold."""
    names = {"phase": "phase_fraction", "phase_literal": "C_alpha"}
    pairs = [(name, scenario.reference(name)) for name in scenario.arms]
    sides = dict.fromkeys(arm for pair in pairs if pair[1] is not None for arm in pair)
    return [
        problem
        for k, quantity in enumerate(_compared(scenario) or ())
        for arm in sides
        for problem in _missing(
            scenario, str(arm), names.get(quantity, quantity), ("compare", "quantities", k)
        )
    ]


def _no_real(name: str, real: list[str]) -> str:
    return f"not a real arm{nearest(name, real)}" if real else "and there is no real arm"


def _compared(scenario: Scenario) -> list[str] | None:
    return None if scenario.compare is None else scenario.compare.quantities


def _comparable() -> tuple[str, ...]:
    from sdesim.comparison import QUANTITIES

    return QUANTITIES


def _unknown(e: Expect) -> Iterator[Problem]:
    """Quantities and moments that no run can hold."""
    from sdesim.comparison.phases import PHASES

    prefix, dot, rest = e.quantity.partition(".")
    lists = {"phase_fraction": PHASES, "twin_distance": _comparable()}
    if prefix in lists and dot and rest not in lists[prefix]:
        yield ("quantity",), f"found {e.quantity!r}{nearest(rest, lists[prefix])}"
    elif e.quantity not in (*MEASURED, *PATH, *SPECIAL) and not (f"{prefix}." in PREFIXES and rest):
        known = [*MEASURED, *PATH, *SPECIAL, *(p + "…" for p in PREFIXES)]
        yield ("quantity",), f"found {e.quantity!r}{nearest(e.quantity, known)}"
    if prefix in WHEN and dot and not _is_condition(rest):
        yield ("quantity",), f"found {e.quantity!r}, allowed: such as {prefix}.test_accuracy>0.95"
    if e.since is not None and prefix not in WHEN:
        yield ("since",), f"since goes with {' and '.join(f'{w}.…' for w in WHEN)} only"
    elif e.since is not None and not _is_condition(e.since):
        yield ("since",), f"found {e.since!r}, allowed: such as train_accuracy>0.95"
    whole_run = e.quantity in SPECIAL or f"{prefix}." in PREFIXES
    if whole_run and e.at != "end":
        yield ("at",), f"found {e.at!r}, allowed: end, because {e.quantity} is of the whole run"
    elif isinstance(e.at, int) and e.at < 0:
        yield ("at",), f"found {e.at}, allowed: a step of at least 0"
    elif isinstance(e.at, str) and e.at not in ("start", "end"):
        match = MOMENT.match(e.at)
        if match is None or match["name"] not in PATH:
            yield ("at",), f"found {e.at!r}, allowed: start, end, a step, or such as test_accuracy>0.95"


def _is_condition(text: str) -> bool:
    match = MOMENT.match(text)
    return match is not None and match["name"] in (*PATH, *MEASURED)


def _unanswerable(scenario: Scenario, arm_name: str, e: Expect) -> Iterator[Problem]:
    """Quantities that this arm's run won't hold."""
    prefix, _, rest = e.quantity.partition(".")
    if prefix in WHEN:
        for field, condition in (("quantity", rest), ("since", e.since)):
            match = MOMENT.match(condition or "")
            if match is not None:
                yield from _missing(scenario, arm_name, match["name"], (field,))
    else:
        yield from _missing(scenario, arm_name, e.quantity, ("quantity",))
    steps = scenario.steps(arm_name)
    if isinstance(e.at, int) and e.at > steps:
        yield ("at",), f"found {e.at}, allowed: 0 to {steps}, the steps of {arm_name}"


def _missing(scenario: Scenario, arm_name: str, name: str, place: tuple[str | int, ...]) -> Iterator[Problem]:
    """What a run needs for a quantity and this one won't have."""
    arm = scenario.arms[arm_name]
    simulate = arm.simulate
    prefix, _, rest = name.partition(".")
    probes = arm.probes or scenario.probes
    if prefix == "occupancy":
        wells = () if simulate is None else _wells(simulate)
        if simulate is None or not any(isinstance(v, parts.OccupancyEvent) for v in simulate.events):
            yield place, f"{name} needs an occupancy event in {arm_name}"
        elif rest not in wells:
            yield place, f"found {name!r}, the wells are: {', '.join(wells)}"
    elif prefix == "exit_time":
        if simulate is None or not any(isinstance(v, parts.ExitEvent) for v in simulate.events):
            yield place, f"{name} needs an exit event in {arm_name}"
    elif prefix == "twin_distance":
        chosen = _compared(scenario)
        if scenario.reference(arm_name) is None:
            yield place, f"{name} needs a real arm that {arm_name} is compared with"
        elif chosen is not None and rest not in chosen:
            yield place, f"{name} needs {rest} among compare.quantities"
    elif prefix == "phase_fraction" or name in MEASURED:
        phased = prefix == "phase_fraction"
        needs = {
            "curvature": phased or name in NEEDS_CURVATURE,
            "gradient": phased or name in NEEDS_GRADIENTS,
        }
        if probes is None:
            yield place, f"{name} needs probes of {arm_name}"
            return
        for part, needed in needs.items():
            if needed and probes.estimators != "all" and part not in probes.estimators:
                yield place, f"{name} needs probes of {arm_name} with estimators: [{part}]"
    elif name in _OF_NETWORKS:
        problem = _no_value(name, _data(scenario, arm), arm_name)
        if problem:
            yield place, problem
    elif name == "learning_rate" and simulate is not None:
        yield place, "learning_rate is recorded of real arms only"


def _no_value(name: str, data: Data | None, arm: str) -> str:
    """Why an accuracy or a test loss can't be had; empty where it can."""
    if data is None:
        return f"{name} needs a network, {arm} has none"
    if name != "test_loss" and not data.labelled:
        return f"{name} needs class labels, the data of {arm} hold targets"
    if name.startswith("test_") and not data.tested:
        return f"{name} needs test examples, the data of {arm} have none"
    return ""


def _data(scenario: Scenario, arm: Arm) -> Data | None:
    """The data that an arm's model answers for; None where there is no model."""
    if arm.train is not None:
        return arm.train.data
    assert arm.simulate is not None
    if arm.simulate.twin_of is not None:
        real = scenario.arms[arm.simulate.twin_of].train
        return None if real is None else real.data
    return data_of(arm.simulate.surface)


def _wells(simulate: Simulate) -> tuple[str, ...]:
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


def _check_train(train: Train) -> Iterator[Problem]:
    yield from _check_network(train.data, train.network)
    examples = train.data.examples
    batch = train.optimizer.batch_size
    if batch is not None and batch > examples:
        yield ("optimizer", "batch_size"), f"found {batch}, allowed: 1 to {examples}, the training examples"
    yield from _check_loss(train.loss, train.data)
    sgd = train.optimizer
    if isinstance(sgd, Sgd) and sgd.nesterov and (sgd.momentum == 0.0 or sgd.dampening > 0.0):
        yield ("optimizer", "nesterov"), "nesterov needs a momentum above 0 and no dampening"
    if train.schedule.warmup >= train.steps:
        message = f"found {train.schedule.warmup}, allowed: 0 to {train.steps - 1}, fewer than the steps"
        yield ("schedule", "warmup"), message


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


def _check_simulate(scenario: Scenario, arm: Arm) -> Iterator[Problem]:
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
    yield from _check_scheme(scenario, simulate)
    if isinstance(simulate.theta0, list) and len(simulate.theta0) != dim:
        yield ("theta0",), f"found {len(simulate.theta0)} numbers, allowed: {dim}, the surface's dimension"
    for k, event in enumerate(simulate.events):
        if isinstance(event, parts.OccupancyEvent):
            if not _wells(simulate):
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
    from sdesim.engine.schemes import check_sorts

    try:
        check_sorts(make_scheme(simulate.scheme), [noise_sort(n) for n in simulate.noise])
    except SdesimError as error:
        yield ("scheme",), str(error)
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
