"""What the types of a scenario's fields can't tell: names, shapes and sizes against one another.

Nothing here loads data, trains or writes; a scenario that passes can be run.
"""

from __future__ import annotations

from collections.abc import Iterator

from sdesim.kinds.spelling import nearest
from sdesim.scenario import parts
from sdesim.scenario.assemble import data_of
from sdesim.scenario.checks.arms import Problem, check_real, check_simulate, wells_of_arm
from sdesim.scenario.data import Data
from sdesim.scenario.expectations import (
    MEASURED,
    MOMENT,
    NEEDS_CLIENTS,
    NEEDS_CURVATURE,
    NEEDS_GRADIENTS,
    PATH,
    PREFIXES,
    SPECIAL,
    WHEN,
)  # fmt: skip
from sdesim.scenario.models import Arm, Expect, Scenario

_OF_NETWORKS = ("train_accuracy", "test_loss", "test_accuracy", "final_accuracy")


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
        problems = check_real(scenario, name) if arm.train is not None else check_simulate(scenario, arm)
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

    return (*QUANTITIES, "test_loss", "test_accuracy")


def _unknown(e: Expect) -> Iterator[Problem]:
    """Quantities and moments that no run can hold."""
    from sdesim.comparison.phases import PHASES

    prefix, dot, rest = e.quantity.partition(".")
    lists = {"phase_fraction": PHASES, "twin_distance": _comparable(), "gain_rank": MEASURED}
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
    if e.confirm > 1 and prefix not in WHEN:
        yield ("confirm",), f"confirm goes with {' and '.join(f'{w}.…' for w in WHEN)} only"
    if e.over is not None:
        for field, name in (("quantity", e.quantity), ("over", e.over)):
            if name not in MEASURED:
                yield (field,), f"found {name!r}, beside over{nearest(name, MEASURED)}"
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
        if e.over is not None:
            yield from _missing(scenario, arm_name, e.over, ("over",))
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
        wells = () if simulate is None else wells_of_arm(simulate)
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
    elif prefix == "gain_rank":
        yield from _missing(scenario, arm_name, rest, place)
        yield from _missing(scenario, arm_name, "test_loss", place)
    elif name in NEEDS_CLIENTS and (arm.train is None or arm.train.clients is None):
        yield place, f"{name} needs an arm that trains clients, {arm_name} has none"
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
