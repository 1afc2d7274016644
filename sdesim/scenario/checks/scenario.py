"""What the types of a scenario's fields can't tell: names, shapes and sizes against one another.

Nothing here loads data, trains or writes; a scenario that passes can be run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import isfinite
from typing import Any

from sdesim.kinds.misfit import Problem
from sdesim.kinds.spelling import nearest, short
from sdesim.runs.probes import Probes
from sdesim.runs.quantities import known_names, lookup, names, number
from sdesim.runs.quantity_row import PROBE, WELL, WHOLE, Quantity
from sdesim.scenario.checks.budget import check_budget
from sdesim.scenario.checks.simulate import check_simulate, wells_of_arm
from sdesim.scenario.checks.train import check_real
from sdesim.scenario.continuing import begin_of
from sdesim.scenario.models import LONGEST_NAME, Arm, Data, Expect, Scenario, Simulate
from sdesim.scenario.moments import MOMENT, OF_COMPARISONS, OF_OTHERS, WHEN

_EVENTS: dict[str, Callable[[Any], bool]] = {
    "exit event": lambda event: event.watches,
    "occupancy event": lambda event: event.counts_wells,
}


def cross_check(scenario: Scenario) -> list[Problem]:
    """Names that lead nowhere, as (path, message)."""
    found: list[Problem] = []
    arms, real = list(scenario.arms), scenario.real
    for name, arm in scenario.arms.items():
        if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
            found.append((("arms", name), "arm names hold letters, digits, - and _ only"))
        elif len(name) > LONGEST_NAME:
            text = f"found a name of {len(name)} characters, {short(name)}, allowed: at most {LONGEST_NAME}"
            found.append((("arms",), text))
        twin = None if arm.simulate is None else arm.simulate.twin_of
        if twin is not None and twin not in real:
            found.append((("arms", name, "simulate", "twin_of"), f"found {twin!r}, {_no_real(twin, real)}"))
    chosen = None if scenario.compare is None else scenario.compare.reference
    if chosen is not None and chosen not in real:
        found.append((("compare", "reference"), f"found {chosen!r}, {_no_real(chosen, real)}"))
    for k, q in enumerate(_compared(scenario) or ()):
        if not _is_comparable(q):
            found.append((("compare", "quantities", k), f"found {q!r}{nearest(q, _comparable())}"))
    if scenario.fits and not scenario.sweep:
        found.append((("fits",), "found laws, allowed: none without a sweep"))
    for k, asked in enumerate(scenario.fits or ()):
        if asked.arm is not None and asked.arm not in arms:
            found.append((("fits", k, "arm"), f"found {asked.arm!r}, not an arm{nearest(asked.arm, arms)}"))
        if number(asked.quantity) is None:
            wrong = f"found {asked.quantity!r}{nearest(asked.quantity, known_names())}"
            found.append((("fits", k, "quantity"), wrong))
    for k, e in enumerate(scenario.expect):
        for field in ("arm", "than"):
            named = getattr(e, field)
            if named is not None and named not in arms:
                found.append((("expect", k, field), f"found {named!r}, not an arm{nearest(named, arms)}"))
        found += [(("expect", k, *place), message) for place, message in _unknown(e, _observed(scenario, e))]
    return found


def unbuildable(scenario: Scenario) -> list[Problem]:
    """What only looking at the parts of each arm together can tell; for scenarios whose names are right."""
    found: list[Problem] = []
    for name, arm in scenario.arms.items():
        side = "simulate" if arm.simulate is not None else "train"
        problems = check_real(scenario, name) if arm.train is not None else check_simulate(scenario, name)
        found += [(("arms", name, side, *place), message) for place, message in problems]
    return found


def unanswerable(scenario: Scenario) -> list[Problem]:
    """What is asked of arms that can't answer it, and budgets; for scenarios whose arms are right."""
    found = [problem for name in scenario.arms for problem in check_budget(scenario, name)]
    found += _incomparable(scenario)
    for k, e in enumerate(scenario.expect):
        for arm_name in (e.arm, e.than):
            if arm_name is not None:
                problems = _unanswerable(scenario, arm_name, e)
                found += [(("expect", k, *place), message) for place, message in problems]
    return found


def _incomparable(scenario: Scenario) -> list[Problem]:
    """Quantities to be compared that one of two arms won't hold."""
    pairs = [(name, scenario.reference(name)) for name in scenario.arms]
    sides = dict.fromkeys(arm for pair in pairs if pair[1] is not None for arm in pair)
    return [
        problem
        for k, quantity in enumerate(_compared(scenario) or ())
        for arm in sides
        for problem in _missing(scenario, str(arm), quantity, ("compare", "quantities", k))
    ]


def _no_real(name: str, real: list[str]) -> str:
    return f"not a real arm{nearest(name, real)}" if real else "and there is no real arm"


def _compared(scenario: Scenario) -> list[str] | None:
    return None if scenario.compare is None else scenario.compare.quantities


def _comparable() -> tuple[str, ...]:
    """What a comparison can name: numbers over steps or probes, and words."""
    return names(lambda row: row.dims not in (WHOLE, WELL))


def _is_comparable(name: str) -> bool:
    row = lookup(name)
    return row is not None and row.dims not in (WHOLE, WELL) and (row.parted == ("." in name))


def _is_measured(name: str) -> bool:
    """Whether a name is that of a number at each probe."""
    row = number(name)
    return row is not None and row.dims[:2] == PROBE and not row.words


def _observed(scenario: Scenario, e: Expect) -> frozenset[str]:
    """Names of the observables of the arms that an expectation is of."""
    sides = [scenario.arms[n].simulate for n in (e.arm, e.than) if n in scenario.arms]
    return frozenset(name for side in sides if side is not None for name in side.observe)


def _unknown(e: Expect, observed: frozenset[str]) -> Iterator[Problem]:
    """Quantities and moments that no run can hold, beside the observables of its arms."""
    prefix, dot, rest = e.quantity.partition(".")
    measured = names(lambda row: row.probed)
    if prefix in OF_COMPARISONS and dot:
        row = lookup(rest)
        if not _is_comparable(rest) or (row is not None and row.words):
            yield ("quantity",), f"found {e.quantity!r}{nearest(rest, _comparable())}"
    elif prefix == "gain_rank" and dot:
        if not _is_measured(rest):
            yield ("quantity",), f"found {e.quantity!r}{nearest(rest, measured)}"
    elif number(e.quantity) is None and e.quantity not in observed and not (prefix in WHEN and rest):
        known = [*known_names(), *observed, *(f"{p}.…" for p in OF_OTHERS)]
        yield ("quantity",), f"found {e.quantity!r}{nearest(e.quantity, known)}"
    if prefix in WHEN and dot and not _is_condition(rest, observed):
        yield ("quantity",), f"found {e.quantity!r}, allowed: such as {prefix}.test_accuracy>0.95"
    if e.since is not None and prefix not in WHEN:
        yield ("since",), f"since goes with {' and '.join(f'{w}.…' for w in WHEN)} only"
    elif e.since is not None and not _is_condition(e.since, observed):
        yield ("since",), f"found {e.since!r}, allowed: such as train_accuracy>0.95"
    if e.confirm > 1 and prefix not in WHEN:
        yield ("confirm",), f"confirm goes with {' and '.join(f'{w}.…' for w in WHEN)} only"
    if e.over is not None:
        for field, name in (("quantity", e.quantity), ("over", e.over)):
            if not _is_measured(name):
                yield (field,), f"found {name!r}, beside over{nearest(name, measured)}"
    row = number(e.quantity)
    whole_run = prefix in OF_OTHERS or (row is not None and (row.dims in (WHOLE, WELL) or bool(row.words)))
    if whole_run and e.at != "end":
        yield ("at",), f"found {e.at!r}, allowed: end, because {e.quantity} is of the whole run"
    elif isinstance(e.at, int) and e.at < 0:
        yield ("at",), f"found {e.at}, allowed: a step of at least 0"
    elif isinstance(e.at, str) and e.at not in ("start", "end"):
        match = MOMENT.match(e.at)
        stepped = match is not None and (_is_stepped(match["name"]) or match["name"] in observed)
        if match is None or not stepped or not isfinite(float(match["bound"])):
            yield ("at",), f"found {e.at!r}, allowed: start, end, a step, or such as test_accuracy>0.95"


def _is_condition(text: str, observed: frozenset[str]) -> bool:
    match = MOMENT.match(text)
    if match is None or not isfinite(float(match["bound"])):
        return False
    return _is_stepped(match["name"]) or _is_measured(match["name"]) or match["name"] in observed


def _is_stepped(name: str) -> bool:
    row = lookup(name)
    return row is not None and row.stepped


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
    simulate = scenario.arms[arm_name].simulate
    begin = 0 if simulate is None else begin_of(simulate, arm_name)
    steps = begin + scenario.steps(arm_name)
    if isinstance(e.at, int) and e.at > steps:
        yield ("at",), f"found {e.at}, allowed: 0 to {steps}, the steps of {arm_name}"
        return
    saved = scenario.asked_steps(arm_name)
    if saved is None or not _of_saved_step(e, simulate):
        return
    at = {"start": 0, "end": steps}.get(str(e.at), e.at)
    if at not in saved:
        told = ", ".join(map(str, saved[:_TOLD])) + (", …" if len(saved) > _TOLD else "")
        yield ("at",), f"found {e.at}, step {at}, allowed: the steps that {arm_name} saves: {told}"


def _of_saved_step(e: Expect, simulate: Simulate | None) -> bool:
    """Whether an expectation is of what a run holds at a saved step: the start, the end or a given one."""
    if isinstance(e.at, str) and e.at not in ("start", "end"):
        return False
    row = number(e.quantity)
    if row is None:
        return simulate is not None and e.quantity in simulate.observe
    whole = row.dims == WHOLE and bool({"loss", "labels", "theta"} & {*row.needs})
    return row.stepped or whole


def _missing(scenario: Scenario, arm_name: str, name: str, place: tuple[str | int, ...]) -> Iterator[Problem]:
    """What a run needs for a quantity and this one won't have."""
    simulate = scenario.arms[arm_name].simulate
    prefix, _, rest = name.partition(".")
    if prefix in OF_COMPARISONS:
        chosen = _compared(scenario)
        if scenario.reference(arm_name) is None:
            yield place, f"{name} needs a real arm that {arm_name} is compared with"
        elif chosen is not None and rest not in chosen:
            yield place, f"{name} needs {rest} among compare.quantities"
        return
    if prefix == "gain_rank":
        if simulate is not None and simulate.save_at is not None:
            yield place, f"{name} needs saved steps that are evenly apart, {arm_name} has save_at"
        yield from _missing(scenario, arm_name, rest, place)
        yield from _missing(scenario, arm_name, "test_loss", place)
        return
    row = lookup(name)
    if row is None:
        own = () if simulate is None else simulate.observe
        if name not in own and any(name in a.simulate.observe for a in scenario.arms.values() if a.simulate):
            yield place, f"{name} is not among what {arm_name} observes"
        return
    problem = _need_not_met(scenario, arm_name, name, row)
    if problem:
        yield place, problem
    elif row.dims == WELL and simulate is not None:
        wells = wells_of_arm(simulate)
        if rest not in wells:
            yield place, f"found {name!r}, the wells are: {', '.join(wells)}"


# What an arm saves so that its run holds a need; one of them is enough.
_KEPT = {
    "loss": ("loss",),
    "norm": ("weight_norm", "loss"),
    "theta": ("theta",),
    "path": ("theta", "theta_projection", "loss"),
}
_TOLD = 6
# Needs that no equation of its own meets.
OF_A_LOSS = frozenset({"gradient", "curvature", "progress"})


def _need_not_met(scenario: Scenario, arm_name: str, name: str, row: Quantity) -> str:
    """What the run of an arm won't have of a quantity's needs; empty where it has all."""
    arm = scenario.arms[arm_name]
    probes = arm.probes or scenario.probes
    if "clients" in row.needs and (arm.train is None or arm.train.clients is None):
        return f"{name} needs an arm that trains clients, {arm_name} has none"
    if row.dims[:2] == PROBE and probes is None:
        return f"{name} needs probes of {arm_name}"
    simulate = arm.simulate
    if (
        simulate is not None
        and simulate.sde is not None
        and (row.units == "loss" or OF_A_LOSS & {*row.needs})
    ):
        return f"{name} is made of a loss, and the equation of {arm_name} has none"
    for need in row.needs:
        if need in ("gradient", "curvature") and probes is not None:
            if probes.estimators != "all" and need not in probes.estimators:
                return f"{name} needs probes of {arm_name} with estimators: [{need}]"
        elif need == "precision" and probes is not None and probes.precision is None:
            return f"{name} needs probes of {arm_name} with a precision"
        elif need == "held-out gradients":
            return f"{name} is read by a monitor, no arm of a scenario has one"
        elif need == "tangent" and probes is not None and not probes.tangent:
            return f"{name} needs probes of {arm_name} with tangent: true"
        elif need in ("labels", "test data"):
            if problem := _no_value(name, need, _data(scenario, arm), arm_name):
                return problem
        elif need in _KEPT and not set(_KEPT[need]) & set(_saved(arm)):
            return f"{name} needs {_KEPT[need][0]} among what {arm_name} saves"
        elif need == "training" and arm.train is None:
            return f"{name} is recorded of real arms only"
        elif need in ("optimizer", "preconditioner") and arm.train is None:
            return f"{name} needs an arm with an optimizer, {arm_name} has none"
        elif need in ("progress", "virtual steps"):
            if problem := _no_steps(name, need, arm, probes, arm_name):
                return problem
        elif need in _EVENTS and not _has_event(arm, _EVENTS[need]):
            return f"{name} needs an {need} in {arm_name}"
    return ""


def _no_steps(name: str, need: str, arm: Arm, probes: Probes | None, arm_name: str) -> str:
    """Why probes of an arm make no steps of their own; empty where they do."""
    if probes is not None and not (probes.wants("progress") and probes.branches):
        return f"{name} needs probes of {arm_name} with branches above 0 and estimators: [progress]"
    if arm.train is not None and arm.train.clients is not None:
        return f"{name} needs an arm whose steps are an optimizer's, {arm_name} has rounds of clients"
    if need == "virtual steps" and arm.train is not None and not arm.train.optimizer.plain:
        return f"{name} needs plain SGD, {arm_name} has another optimizer"
    return ""


def _saved(arm: Arm) -> list[str]:
    if arm.simulate is not None:
        return list(arm.simulate.save)
    # A training keeps its loss, the norm and projections whatever else it saves.
    return [] if arm.train is None else ["loss", *arm.train.save]


def _has_event(arm: Arm, answers: Callable[[Any], bool]) -> bool:
    return arm.simulate is not None and any(answers(event) for event in arm.simulate.events)


def _no_value(name: str, need: str, data: Data | None, arm: str) -> str:
    """Why the data of an arm don't allow an accuracy or a test loss; empty where they do."""
    if data is None:
        return f"{name} needs a network, {arm} has none"
    if need == "labels" and not data.labelled:
        return f"{name} needs class labels, the data of {arm} hold targets"
    if need == "test data" and not data.tested:
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
    found: Data | None = getattr(arm.simulate.surface, "data", None)
    return found
