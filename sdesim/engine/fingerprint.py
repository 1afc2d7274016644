"""What decides the numbers of a simulation, part by part: a resumed one must have the same."""

from __future__ import annotations

import importlib
from dataclasses import is_dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.compiled.jit import source_stamp, stamped
from sdesim.compiled.sources import is_own, sources_of
from sdesim.engine.fitting import has_loss
from sdesim.engine.plan import Plan
from sdesim.kinds import dump
from sdesim.kinds.registry import fields_of
from sdesim.runs.stamp import OWN_CODE, VALUES, Fingerprint, digest_of

# Points near the start at which a surface whose functions live in memory is read, and how far off they lie.
_POINTS, _SPREAD = 3, 0.1
# Entries of a long array that count where a look at all of them would cost more than the run.
_ENTRIES = 10_000
_VALUES = f"{VALUES}the surface"


def fingerprint(plan: Plan) -> Fingerprint:
    """What decides the numbers of a plan.

    Surfaces and noises count by the names and arrays of their kernels; functions of one's own by their code,
    the values that they read and the files behind them, and by their values at a few points.
    """
    kernel = plan.kernel
    functions: dict[str, Any] = dict(kernel.functions)
    modules = []
    for module, names in _named(plan):
        if module and not stamped(module):
            found = importlib.import_module(module)
            functions |= {name: getattr(found, name) for name in names}
            modules += [module] if module != "__main__" else []
    for event in plan.exits:
        own = {f"{name} of {event.name}": f for name, f in getattr(event, "functions", {}).items()}
        functions |= {name: f for name, f in own.items() if name.startswith("value")}
    parts = {
        "dt": repr(plan.dt),
        "steps": str(plan.steps),
        "trajectories": str(plan.trajectories),
        "seed": str(plan.seed),
        "learning_rate": repr(plan.learning_rate if plan.rate is None else plan.rate),
        "scheme": _scheme(plan),
        "save": f"theta={plan.save_theta}, theta_projection={plan.save_projection}",
        "saved steps": digest_of(plan.saved),
        "events": repr(plan.exits) + (" occupancy" if plan.occupancy else ""),
        "probes": repr(plan.probes),
        "theta0": digest_of(plan.theta0),
        "surface": digest_of(_text(kernel.module, kernel.grad), kernel.params, kernel.data0, kernel.data1),
    }
    if not (plan.save_loss and plan.save_norm) and has_loss(plan.surface):
        parts["save"] += f", loss={plan.save_loss}, weight_norm={plan.save_norm}"
    if plan.first:
        parts["first"] = str(plan.first)
    if plan.end is not None:
        parts["continued from"] = f"step {plan.end.step}"
        parts["state"] = digest_of(*(np.asarray(v) for _, v in sorted(plan.end.state(plan).items())))
    if plan.boundary:
        parts["boundary"] = repr(plan.boundary)
    if plan.reductions:
        parts["reduce"] = repr([dump(reduction) for reduction in plan.reductions])
    for name, observable in plan.observables.items():
        parts[f"observe {name}"] = digest_of(_text(type(observable).__name__, observable.identity))
        functions |= {f"{f} of observe {name}": found for f, found in observable.functions.items()}
    if plan.tolerance is not None:
        parts["tolerance"] = f"{plan.tolerance!r}, {plan.halvings} halvings"
    if plan.dtype != "float64":
        parts["dtype"] = plan.dtype
    for k, noise in enumerate(plan.noise_kernels):
        ahead = () if noise.ahead is None else noise.ahead.identity
        parts[f"noise {k}"] = digest_of(_text(noise.module, noise.function), noise.params, noise.data, *ahead)
        functions |= {f"noise {k} {name}": f for name, f in noise.functions.items()}
        if noise.ahead is not None:
            functions |= {f"noise {k} {name}": f for name, f in noise.ahead.functions.items()}
    parts[_VALUES] = _values(plan, bool(functions))
    code = sources_of(functions | _classes(plan), modules) | {OWN_CODE: source_stamp()[:16]}
    return Fingerprint(parts | {name: f"#{digest}" for name, digest in code.items()})


def dynamics(plan: Plan) -> dict[str, str]:
    """Digests of what a run's steps are made of, by which one that goes on tells other parameters.

    Functions of one's own count by their compiled code and the values that they hold; long arrays by some of
    their entries.
    """
    kernel = plan.kernel
    held = [kernel.params, _some(kernel.data0), _some(kernel.data1), *map(_code, kernel.functions.values())]
    parts = {
        "surface": digest_of(_text(kernel.module, kernel.grad), *held),
        "learning_rate": repr(plan.learning_rate if plan.rate is None else plan.rate),
        "events": repr(plan.exits),
    }
    # An equation's own noise comes last, and is told by its functions.
    for k, made in enumerate(plan.noise_kernels):
        noise = plan.noises[k] if k < len(plan.noises) else None
        # What is worked out ahead may be of the length of the whole run.
        arrays = [made.params, _some(made.data)] if made.ahead is None else []
        functions = {**made.functions, **({} if made.ahead is None else made.ahead.functions)}
        fields = repr(fields_of(noise)) if is_dataclass(noise) else ""
        shown = "" if " object at 0x" in fields or " at 0x" in fields else fields
        parts[f"noise {k}"] = digest_of(_text(made.module, shown), *arrays, *map(_code, functions.values()))
    return parts


def _some(array: NDArray[Any]) -> NDArray[Any]:
    flat = array.reshape(-1)
    return flat[:: max(1, flat.size // _ENTRIES)]


def _code(function: Any) -> NDArray[np.uint8]:
    plain = getattr(function, "py_func", function)
    code = getattr(plain, "__code__", None)
    if code is None:
        return _text(getattr(plain, "__qualname__", type(plain).__name__))
    cells = [_shown(cell.cell_contents) for cell in getattr(plain, "__closure__", None) or ()]
    consts = [c for c in code.co_consts if isinstance(c, int | float | str)]
    return _text(code.co_code.hex(), repr(consts), repr(code.co_names), *cells)


def _shown(value: Any) -> str:
    if hasattr(value, "py_func"):
        return _code(value).tobytes().decode(errors="replace")
    return repr(value) if isinstance(value, int | float | str | np.generic | np.ndarray) else ""


def _classes(plan: Plan) -> dict[str, type]:
    """Classes that are not sdesim's, whose methods the probes call."""
    found: dict[str, type] = {}
    parts: list[Any] = [
        plan.surface, plan.scheme, *plan.noises, *plan.observables.values(), *plan.reductions
    ]  # fmt: skip
    for part in parts:
        while part is not None:
            if not is_own(type(part).__module__):
                found[type(part).__name__] = type(part)
            part = getattr(part, "surface", None)
    return found


def _named(plan: Plan) -> list[tuple[str, list[str]]]:
    """Modules of the kernels, and the names of their functions."""
    kernel = plan.kernel
    roles = [kernel.grad, kernel.loss, kernel.hvp, kernel.weighted_grad, kernel.well, kernel.factor]
    named = [(kernel.module, [name for name in roles if name is not None])]
    named += [(wall.module, [wall.function]) for wall in plan.walls]
    return named + [(n.module, [f for f in (n.function, n.setter) if f]) for n in plan.noise_kernels]


def _text(*words: str) -> NDArray[np.uint8]:
    return np.frombuffer(" ".join(words).encode(), dtype=np.uint8)


def _scheme(plan: Plan) -> str:
    """Its name, and its parameters where the object shows them."""
    scheme = plan.scheme
    shown = repr(scheme)
    return scheme.name if " object at 0x" in shown else shown


def _values(plan: Plan, several: bool) -> str:
    """The gradient at the first start; if asked for, loss, gradient and a Hessian's product around it."""
    start = plan.theta0[0]
    surface: Any = plan.surface
    values = [surface.loss, surface.grad] if has_loss(surface) else [surface.grad, surface.diffusion_at]
    arrays = [np.asarray(plan.surface.grad(start))]
    if several:
        rng = np.random.default_rng(0)
        near = start + _SPREAD * (1.0 + np.abs(start)) * rng.standard_normal((_POINTS, plan.dim))
        with np.errstate(all="ignore"):
            for point in near:
                arrays += [np.asarray(value(point)) for value in values]
            arrays.append(np.asarray(plan.surface.hvp(near[0], near[1])))
    return digest_of(*arrays)
