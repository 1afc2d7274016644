"""Writes the compiled driver of one combination of surface, noises and scheme.

The combination becomes a module of its own (see `sdesim.compiled.generated`), so that no step dispatches
anything and later processes find the machine code on disk.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from sdesim.compiled.generated import generated_module
from sdesim.engine.events.region import Region, interval
from sdesim.engine.kernels import tangent as tangent_kernels
from sdesim.engine.schemes import Scheme
from sdesim.errors import SdesimError
from sdesim.noise.base import NoiseKernel
from sdesim.surfaces.base import SurfaceKernel

_NO_WELL = """\

@compiled
def well(x, lane, params):
    return -1

"""
_NO_PREPARE = """\

@compiled
def prepare(x, v, surface, dt, work):
    v[:, :] = 0.0

"""
_FILL = """\

@compiled
def fill(seed, first, pair, params, data, i0, i1, j0, j1, m0, m1, w0, w1, s0, s1, t0, t1):
{calls}

"""
_COORDINATE_NOISE = """\

@compiled
def coordinate_noise(x, i, m, out):
{body}

@compiled
def noise_at(x, i, m, w, surface, out):
{at}

"""
_SUM = """\
    for k in range(x.shape[0]):
        for lane in range(x.shape[1]):
            out[k, lane] {sign}= i[k, lane]{multiplicative}
    return out
"""
_WEIGHTED = "    weighted_grad(x, w, surface[0], surface[1], surface[2], out)\n"


def combination_source(
    surface: SurfaceKernel, noises: Sequence[NoiseKernel], scheme: Scheme, tangent: bool = False,
    in_memory: bool = False,
) -> str:  # fmt: skip
    """The text of the module for this combination; with ``tangent`` a tangent vector is stepped along, and
    ``in_memory`` where functions that can't be imported are put into it."""
    once = "compiled_in_memory" if in_memory or surface.functions else ""
    text = "import numpy as np\n\n"
    text += "".join(
        f"from sdesim.compiled.jit import {once or decorator} as {name}\n"
        for decorator, name in (("compiled_inside", "compiled"), ("compiled_entry", "entry"))
    )
    weighted = any(n.enters == "examples" for n in noises)
    wanted = ["loss", "grad"]
    wanted += ["hvp"] if scheme.needs_hvp or tangent else []
    wanted += ["weighted_grad"] if weighted else []
    has_well = surface.well is not None or "well" in surface.functions
    wanted += ["well"] if has_well else []
    for name in wanted:
        if name not in surface.functions:
            text += f"from {surface.module} import {getattr(surface, name)} as {name}\n"
    text += _fill_source(noises, scheme)
    text += _noise_source(noises, weighted)
    text += "" if has_well else _NO_WELL
    functions = scheme.functions(weighted)
    text += "" if any(f.__name__ == "prepare" for f in functions) else _NO_PREPARE
    # What the step calls stands before it.
    for function in reversed(functions):
        text += f"\n@compiled\n{_source(function)}\n"
    if functions[0].__name__ != "step":
        text += f"\nstep = {functions[0].__name__}\n\n"
    text += _tangent_source(scheme, weighted) if tangent else ""
    return text + _driver_text()


# Reading them again for every run would cost half of what a run costs beside its steps.
@cache
def _source(function: Callable[..., Any]) -> str:
    """The text of a function.

    Raises:
        SdesimError: if it stands in no file, such as one typed into a plain session.
    """
    try:
        return inspect.getsource(function)
    except OSError:
        raise SdesimError(
            f"the text of {function.__name__} can't be read: put the scheme that it is of into a file"
        ) from None


@cache
def _driver_text() -> str:
    return Path(__file__).with_name("time_loop.py").read_text(encoding="utf-8")


# The blocks of each kind: what the increments go to, and the scratch.
_BLOCKS = {
    "additive": (("i0", "i1"), "s0, s1"),
    "auxiliary": (("j0", "j1"), "s0, s1"),
    "multiplicative": (("m0", "m1"), "s0, s1"),
    "examples": (("w0", "w1"), "t0, t1"),
}


def _fill_source(noises: Sequence[NoiseKernel], scheme: Scheme) -> str:
    """The imports of the fill functions, and the function that calls them one after another."""
    imports, calls, touched = "", [], set()
    total = sum(n.streams for n in noises)
    uses = [("auxiliary", total), ("additive", 0)] if scheme.auxiliary else [("additive", 0)]
    for place, offset in uses:
        stream = offset
        for k, noise in enumerate(noises):
            blocks, scratch = _BLOCKS[place if noise.enters == "additive" else noise.enters]
            function = noise.function
            if blocks not in touched and noise.setter is not None:
                function = noise.setter
            elif blocks not in touched:
                calls += [f"    {name}[:, :] = 0.0" for name in blocks]
            touched.add(blocks)
            imports += f"from {noise.module} import {function} as fill_{place}_{k}\n"
            given = f"seed, {stream}, first, pair, params[{k}], data[{k}]"
            calls.append(f"    fill_{place}_{k}({given}, {', '.join(blocks)}, {scratch})")
            stream += noise.streams
    if not any(noise.enters == "additive" for noise in noises):
        calls += ["    i0[:, :] = 0.0", "    i1[:, :] = 0.0"]
    return imports + "\n" + _FILL.format(calls="\n".join(calls))


def _noise_source(noises: Sequence[NoiseKernel], weighted: bool) -> str:
    """The increment of all noises at a state, with no work for kinds that are absent."""
    multiplicative = any(n.enters == "multiplicative" for n in noises)
    product = " + x[k, lane] * m[k, lane]" if multiplicative else ""
    body = _SUM.format(sign="", multiplicative=product) if multiplicative else "    return i\n"
    at = "    return coordinate_noise(x, i, m, out)\n"
    if weighted:
        at = _WEIGHTED + _SUM.format(sign="+", multiplicative=product)
    return _COORDINATE_NOISE.format(body=body, at=at)


def _tangent_source(scheme: Scheme, weighted: bool) -> str:
    """A step that moves a tangent vector and then does the scheme's own."""
    kernels, step = tangent_kernels, scheme.tangent_step()
    assert step is not None
    text = f"\nown_step = step\nNEAR = {kernels.NEAR!r}\n\n"
    pushes = (kernels.push, kernels.push_weighted) if weighted else (kernels.push,)
    sources: tuple[Callable[..., Any], ...] = (*pushes, kernels.rescale)
    for function in sources:
        text += f"\n@compiled\n{_source(function)}\n"
    text += f"\npush_all = {pushes[-1].__name__}\n"
    return text + f"\n@compiled\n{inspect.getsource(step)}\n\nstep = {step.__name__}\n\n"


def driver(
    surface: SurfaceKernel,
    noises: Sequence[NoiseKernel],
    scheme: Scheme,
    tangent: bool = False,
    regions: Sequence[Region] = (),
) -> ModuleType:
    """Import the driver module of a combination, writing it first where it is new.

    Args:
        regions: of each kind that is watched one (`watched_kinds`).

    Raises:
        RunError: if it can't be written anywhere.
    """
    watch = _watch_module(regions)
    functions = dict(surface.functions)
    private = {} if watch.__name__ in sys.modules else {name: getattr(watch, name) for name in _WATCHING}
    text = combination_source(surface, noises, scheme, tangent, in_memory=bool(functions or private))
    if not private:
        text = f"from {watch.__name__} import {', '.join(_WATCHING)}\n" + text
    functions |= private
    return _private(text, tuple(functions.items())) if functions else generated_module(text)


_WATCHING = ("begin_watch", "look_for", "note_exits")
_ROLES = {
    "nearest": "x, params, shift, inverse, out",
    "gap": "x, lane, wall, params",
    "normal": "x, lane, wall, params, out",
}


def watched_kinds(regions: Sequence[Region]) -> tuple[list[Region], list[int]]:
    """One region of each kind, and the number of its kind for each region."""
    kinds: list[Region] = []
    numbers = []
    for region in regions:
        same = [k for k, other in enumerate(kinds) if _kind(other) == _kind(region)]
        numbers.append(same[0] if same else len(kinds))
        kinds += [] if same else [region]
    return kinds, numbers


def _kind(region: Region) -> tuple[Any, ...]:
    return region.module, region.nearest, region.gap, region.normal, *map(id, region.functions.values())


def watch_source(regions: Sequence[Region]) -> str:
    """The text of the module that watches regions of these kinds."""
    in_memory = any(region.functions for region in regions)
    text = "import numpy as np\n\n"
    for name in ("compiled", "compiled_apart"):
        text += f"from sdesim.compiled.jit import {'compiled_in_memory' if in_memory else name} as {name}\n"
    for role, arguments in _ROLES.items():
        for k, region in enumerate(regions):
            if not region.functions:
                text += f"from {region.module} import {getattr(region, role)} as {role}_{k}\n"
        text += f"\n\n@compiled\ndef {role}(kind, {arguments}):\n"
        for k in range(len(regions) - 1):
            text += f"    if kind == {k}:\n        return {role}_{k}({arguments})\n"
        text += f"    return {role}_{len(regions) - 1}({arguments})\n\n\n"
    return text + Path(__file__).with_name("watch.py").read_text(encoding="utf-8")


def _watch_module(regions: Sequence[Region]) -> ModuleType:
    """The module for these kinds; the interval's where nothing is watched, which most runs share."""
    kinds = list(regions) or [interval(0.0, 1.0, 0, 1, True, "discrete", False)]
    named = {
        f"{role}_{k}": region.functions[role]
        for k, region in enumerate(kinds)
        for role in (_ROLES if region.functions else ())
    }
    text = watch_source(kinds)
    return _private(text, tuple(named.items())) if named else generated_module(text)


@lru_cache(maxsize=32)
def _private(text: str, functions: tuple[tuple[str, Callable[..., Any]], ...]) -> ModuleType:
    """The module for functions that live in memory: compiled once for the same ones."""
    names: Mapping[str, Any] = dict(functions)
    return generated_module(text, names)
