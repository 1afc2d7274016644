"""Writes the compiled driver of one combination of surface, noises and scheme.

The combination becomes a module of its own (see `sdesim.compiled.generated`), so that no step dispatches
anything and later processes find the machine code on disk.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from sdesim.compiled.generated import decorators, generated_module
from sdesim.engine.events.region import Region
from sdesim.engine.kernels import tangent as tangent_kernels
from sdesim.engine.kernels.watchers import watch_module, watching
from sdesim.engine.schemes import Scheme
from sdesim.engine.walls.base import WallKernel
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
_NO_LOSS = """\

@compiled
def loss(x, params, data0, data1, out):
    for w in range(out.shape[0]):
        out[w] = np.nan

"""
_TIMELESS = """\

@compiled
def own_clock(surface):
    return surface

@compiled
def set_clock(surface, time):
    return

@compiled
def later(surface, lapse):
    return

"""
_ACT = """\

@compiled
def act(x, seed, first, step, params, data, out):
{calls}

"""
# Blocks that are stepped side by side are at different times.
_TIMED = """\

@compiled
def own_clock(surface):
    return surface[0].copy(), surface[1], surface[2]

@compiled
def set_clock(surface, time):
    surface[0][0] = time

@compiled
def later(surface, lapse):
    surface[0][0] += lapse

"""
_CONFINE = """\

@compiled
def confine(x, v, walls):
{calls}

"""
_TELL_NOTHING = """\

@compiled
def tell(work, code, counts, stopped, step):
    return

"""
_TELL_UNSOLVED = """\
from sdesim.engine.kernels.block import note_unsolved

@compiled
def tell(work, code, counts, stopped, step):
    note_unsolved(work[0, 0], code, counts[0], stopped, step)

"""
_UNCOUNTED = """\

@compiled
def count_overshoots(x, code, counts, surface, dt, reach):
    return

"""
_WHOLE = """\

@compiled
def walked_step(
    x, v, i, j, m, w, surface, p, rate, dt, work, bound, walls, halving, noise_params, noise_data, seed,
    first, now, code, counts,
):
    return checked_step(x, v, i, j, m, w, surface, p, rate, dt, work, bound)

"""
# Where steps are halved: all noises of one lane apart, the halves of their increments, and errors at walls.
_HALVED = """\

NOISES = {noises}

@compiled
def own_increments(seed, lane, now, params, data, out):
    d = out.shape[1]
    one, other = np.empty((d, 1)), np.empty((d, 1))
    spare = np.empty((d, 1)), np.empty((d, 1))
{draws}

@compiled
def halve_all(seed, lane, level, node, nodes, parents, out, whole, left, right):
    d = parents.shape[1]
{halves}

@compiled
def wall_error(before, after, slope, lane, h, sizes, walls):
    error = 0.0
{walls}    return error

"""
_DRAW = """\
    one[:, :] = 0.0
    other[:, :] = 0.0
    draw_{k}(seed, {stream}, lane, now // 2, params[{k}], data[{k}], one, other, spare[0], spare[1])
    for k in range(d):
        out[{k}, k] = one[k, 0] if now % 2 == 0 else other[k, 0]
"""
_HALVE = """\
    for k in range(d):
        parents[0, k, 0] = whole[{k}, k]
    halve_{k}(seed, {stream}, lane, level, node, nodes[{k}], parents, out)
    for k in range(d):
        left[{k}, k] = out[0, k, 0]
        right[{k}, k] = out[1, k, 0]
"""
# Where an explicit step of the drift may be thrown across: beyond the radius it is made and looked at, in the
# lanes alone that are there, so that a count does not depend on neighbours.
_COUNTED = """\
from sdesim.engine.kernels.block import (
    any_running_beyond, note_overshoots, of_lanes, past_centre, running_beyond, turned_back,
)

@compiled
def count_overshoots(x, code, counts, surface, dt, reach):
    radius, centre = reach
    if any_running_beyond(x, code, radius):
        lanes = running_beyond(x, code, radius)
        far = of_lanes(x, lanes)
        here, there, after = np.empty(far.shape), np.empty(far.shape), np.empty(far.shape)
        turned = np.zeros(far.shape[1])
        grad(far, surface[0], surface[1], surface[2], here)
        if centre.shape[0] > 0:
            past_centre(far, here, centre, dt, turned)
        else:
            for quarter in range(2, 5):
                for k in range(far.shape[0]):
                    for w in range(far.shape[1]):
                        there[k, w] = far[k, w] - 0.25 * quarter * dt * here[k, w]
                grad(there, surface[0], surface[1], surface[2], after)
                turned_back(here, after, turned)
        note_overshoots(turned, lanes, counts[1])

"""
_ROOM = """\
from sdesim.engine.kernels.block import any_beyond, make_room

GROUP = 2
"""
_SINGLE_ROOM = """\
from sdesim.compiled.single import single
from sdesim.engine.kernels.block import add_doubles, any_beyond
from sdesim.engine.kernels.block import make_single_room as make_room

GROUP = 4
"""
_CHECKED = """\

@compiled
def checked_step(x, v, i, j, m, w, surface, p, rate, dt, work, bound):
    step(x, v, i, j, m, w, surface, p, rate, dt, work)
    return any_beyond(x, bound)

"""
# What watches exits takes as long to compile as all else.
_UNWATCHED = """\


@compiled
def begin_watch(x, code, exits, numbers, values, luck, tags, start):
    return

@compiled
def look_for(x, before, numbers, values, luck, tags, seed, first, step):
    return 0

@compiled
def note_exits(x, before, held, code, stopped, records, numbers, values, root, luck, tags, seed, first, step):
    return 0
"""
_NO_LEAPS = """\

@compiled
def make_calm(d, width, rows):
    return 0

@compiled
def leave(
    x, v, before, i, calm, work, surface, p, rate, dt, held, code, stopped, records, numbers, values, luck,
    tags, seed, first, now,
):
    return 0

"""
# The drift alone is a step without increments.
_LEAPS = """\

from sdesim.engine.kernels.block import keep_before

@compiled
def make_calm(d, width, rows):
    return (
        np.empty((d, width)), np.zeros((d, width)), np.zeros((rows[0], width)), np.zeros((rows[1], width)),
        np.zeros((rows[2], width)),
    )

@compiled
def leave(
    x, v, before, i, calm, work, surface, p, rate, dt, held, code, stopped, records, numbers, values, luck,
    tags, seed, first, now,
):
    if find_leaps(i, numbers, values, luck, tags, seed, first, now) == 0:
        return 0
    still = calm[0]
    keep_before(before, still)
    set_clock(surface, now * dt)
    step(still, v, calm[1], calm[2], calm[3], calm[4], surface, p, rate, dt, work)
    return leap(
        x, before, still, i, held, code, stopped, records, numbers, values, luck, seed, first, now
    )

"""
_FILL = """\

@compiled
def fill(seed, first, group, params, data, i, j, m, w, spare):
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
_FACTOR = "    factor(x, w, surface[0], surface[1], surface[2], out)\n"
_WEIGHTED = "    weighted_grad(x, w, surface[0], surface[1], surface[2], out)\n"


def combination_source(
    surface: SurfaceKernel,
    noises: Sequence[NoiseKernel],
    scheme: Scheme,
    tangent: bool = False,
    single: bool = False,
    walls: Sequence[WallKernel] = (),
    in_memory: bool = False,
    overshoots: bool = False,
    loop: str = "time_loop",
    leaps: bool = False,
    halved: bool = False,
) -> str:
    """The text of the module for this combination; with ``tangent`` a tangent vector is stepped along, with
    ``single`` all in float32, ``in_memory`` where functions that can't be imported are put into it, and
    ``overshoots`` where explicit steps that are thrown across are counted, ``leaps`` where walks on spheres
    take the place of steps, ``halved`` where steps are halved; loop: the file of what calls them."""
    once = in_memory or bool(_in_memory(surface, noises))
    home = "sdesim.compiled.single" if single else "sdesim.compiled.jit"
    text = "import numpy as np\n\n" + decorators(_DECORATORS[: 3 if halved else 2], once, home)
    text += _SINGLE_ROOM if single else _ROOM
    weighted = any(n.enters == "examples" for n in noises)
    wanted = ["loss", "grad"] if surface.offers("loss") else ["grad"]
    wanted += ["factor"] if any(n.enters == "factor" for n in noises) else []
    wanted += ["hvp"] if scheme.needs_hvp or tangent else []
    wanted += ["weighted_grad"] if weighted else []
    has_well = surface.well is not None or "well" in surface.functions
    wanted += ["well"] if has_well else []
    for name in wanted:
        if name not in surface.functions:
            text += f"from {surface.module} import {getattr(surface, name)} as {name}\n"
            text += f"{name} = single({name})\n" if single else ""
    text += _single_fill_source(noises, scheme) if single else _fill_source(noises, scheme)
    text += _noise_source(noises, weighted)
    text += "" if has_well else _NO_WELL
    text += "" if surface.offers("loss") else _NO_LOSS
    text += _TIMED if surface.timed else _TIMELESS
    text += _confine_source(walls, single) + f"WALLED = {bool(walls) or leaps}\n"
    text += _act_source(noises)
    text += "".join(f"from {module} import {name}\n" for name, module in scheme.imported.items())
    functions = scheme.functions(weighted)
    text += "" if any(f.__name__ == "prepare" for f in functions) else _NO_PREPARE
    # What the step calls stands before it.
    for function in reversed(functions):
        text += f"\n@compiled\n{_source(function)}\n"
    if functions[0].__name__ != "step":
        text += f"\nstep = {functions[0].__name__}\n\n"
    text += _tangent_source(scheme, weighted) if tangent else ""
    own = "factor" in wanted
    merged = None if tangent or weighted or own or surface.slope is None else scheme.separable_step()
    text += _CHECKED if merged is None else _merged_source(surface, merged, single)
    text += _LEAPS if leaps else _NO_LEAPS
    text += _COUNTED if overshoots else _UNCOUNTED
    text += _halved_source(noises, walls) if halved else _WHOLE
    return text + (_TELL_UNSOLVED if scheme.solves else _TELL_NOTHING) + _driver_text(loop)


_DECORATORS = (("compiled_inside", "compiled"), ("compiled_entry", "entry"), ("compiled_between", "apart"))


def _halved_source(noises: Sequence[NoiseKernel], walls: Sequence[WallKernel]) -> str:
    """What `halved_step` calls, and itself."""
    text, draws, halves, errors, stream = "", "", "", "", 0
    for k, noise in enumerate(noises):
        node = noise.split.node(0)
        text += f"from {noise.module} import {noise.function} as draw_{k}\n"
        text += f"from {node.module} import {node.function} as halve_{k}\n"
        draws += _DRAW.format(k=k, stream=stream)
        halves += _HALVE.format(k=k, stream=stream)
        stream += noise.streams
    for k, wall in enumerate(walls):
        if wall.near is not None:
            text += f"from {wall.module} import {wall.near} as near_{k}\n"
            call = f"near_{k}(before, after, slope, lane, h, sizes, walls[{k}])"
            errors += f"    error = max(error, {call})\n"
    text += _HALVED.format(
        noises=len(noises), draws=draws or "    return", halves=halves or "    return", walls=errors
    )
    return text + Path(__file__).with_name("halved_step.py").read_text(encoding="utf-8")


def _act_source(noises: Sequence[NoiseKernel]) -> str:
    """The increments that are of the state at the start of a step."""
    text, calls, stream = "", [], 0
    for k, noise in enumerate(noises):
        if noise.acts is not None:
            if "acts" not in noise.functions:
                text += f"from {noise.module} import {noise.acts} as act_{k}\n"
            calls.append(f"    act_{k}(x, seed, {stream}, first, step, params[{k}], data[{k}], out)")
        stream += noise.streams
    return text + _ACT.format(calls="\n".join(calls) or "    return")


def _confine_source(walls: Sequence[WallKernel], single: bool) -> str:
    """The imports of the walls' functions, and the function that calls them one after another."""
    text, calls = "", []
    for k, wall in enumerate(walls):
        text += f"from {wall.module} import {wall.function} as wall_{k}\n"
        text += f"wall_{k} = single(wall_{k})\n" if single else ""
        calls.append(f"    wall_{k}(x, v, walls[{k}])")
    return text + _CONFINE.format(calls="\n".join(calls) or "    return")


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
def _driver_text(loop: str) -> str:
    return Path(__file__).with_name(f"{loop}.py").read_text(encoding="utf-8")


# The blocks of each kind: what the increments go to, and the scratch.
_BLOCKS = {
    "additive": ("i", "spare[0], spare[1]"),
    "auxiliary": ("j", "spare[0], spare[1]"),
    "multiplicative": ("m", "spare[0], spare[1]"),
    "examples": ("w", "spare[2], spare[3]"),
    "factor": ("w", "spare[2], spare[3]"),
}


def _uses(noises: Sequence[NoiseKernel], scheme: Scheme) -> Iterator[tuple[str, int, int, NoiseKernel]]:
    """(place, number, stream, noise) of all sets of increments that are drawn."""
    total = sum(n.streams for n in noises)
    for place, offset in [("auxiliary", total), ("additive", 0)] if scheme.auxiliary else [("additive", 0)]:
        stream = offset
        for k, noise in enumerate(noises):
            yield place, k, stream, noise
            stream += noise.streams


def _zero(name: str) -> str:
    return f"    {name}[0, :, :] = 0.0\n    {name}[1, :, :] = 0.0"


def _fill_source(noises: Sequence[NoiseKernel], scheme: Scheme) -> str:
    """The imports of the fill functions, and the function that calls them one after another."""
    imports, calls, touched = "", [], set()
    for place, k, stream, noise in _uses(noises, scheme):
        block, scratch = _BLOCKS[place if noise.enters == "additive" else noise.enters]
        function = noise.function
        if block not in touched and noise.setter is not None:
            function = noise.setter
        elif block not in touched:
            calls.append(_zero(block))
        touched.add(block)
        imports += f"from {noise.module} import {function} as fill_{place}_{k}\n"
        given = f"seed, {stream}, first, group, params[{k}], data[{k}]"
        calls.append(f"    fill_{place}_{k}({given}, {block}[0], {block}[1], {scratch})")
    if not any(noise.enters == "additive" for noise in noises):
        calls.append(_zero("i"))
    return imports + "\n" + _FILL.format(calls="\n".join(calls))


def _single_fill_source(noises: Sequence[NoiseKernel], scheme: Scheme) -> str:
    """The same for blocks of float32; noises without a fill of such are drawn in float64, pair by pair."""
    imports, calls, touched = "", [], set()
    for place, k, stream, noise in _uses(noises, scheme):
        block, _ = _BLOCKS[place if noise.enters == "additive" else noise.enters]
        fresh = block not in touched
        touched.add(block)
        given = f"seed, {stream}, first, {{group}}, params[{k}], data[{k}]"
        if noise.single is not None:
            function = noise.single.setter if fresh else noise.single.function
            imports += f"from {noise.single.module} import {function} as fill_{place}_{k}\n"
            calls.append(f"    fill_{place}_{k}({given.format(group='group')}, {block}, spare[0])")
            continue
        imports += f"from {noise.module} import {noise.function} as fill_{place}_{k}\n"
        calls += [f"    {block}[:, :, :] = 0.0"] if fresh else []
        for pair in (0, 1):
            calls += ["    spare[1][:, :] = 0.0", "    spare[2][:, :] = 0.0"]
            doubles = "spare[1], spare[2], spare[3], spare[4]"
            calls.append(f"    fill_{place}_{k}({given.format(group=f'2 * group + {pair}')}, {doubles})")
            calls.append(f"    add_doubles(spare[1], spare[2], {pair}, {block})")
    if not any(noise.enters == "additive" for noise in noises):
        calls.append("    i[:, :, :] = 0.0")
    return imports + "\n" + _FILL.format(calls="\n".join(calls))


def _noise_source(noises: Sequence[NoiseKernel], weighted: bool) -> str:
    """The increment of all noises at a state, with no work for kinds that are absent."""
    entering = {n.enters for n in noises}
    multiplicative = "multiplicative" in entering
    product = " + x[k, lane] * m[k, lane]" if multiplicative else ""
    body = _SUM.format(sign="", multiplicative=product) if multiplicative else "    return i\n"
    at = "    return coordinate_noise(x, i, m, out)\n"
    if entering == {"factor"}:
        at = _FACTOR + "    return out\n"
    elif weighted or "factor" in entering:
        at = (_WEIGHTED if weighted else _FACTOR) + _SUM.format(sign="+", multiplicative=product)
    return _COORDINATE_NOISE.format(body=body, at=at)


def _merged_source(surface: SurfaceKernel, step: Callable[..., Any], single: bool) -> str:
    """The step that works the slopes out as it goes, and checks what comes of it."""
    text = f"\nfrom {surface.module} import {surface.slope} as slope\n"
    text += "slope = single(slope)\n" if single else ""
    return text + f"\n@compiled\n{_source(step)}\nchecked_step = {step.__name__}\n\n"


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
    single: bool = False,
    walls: Sequence[WallKernel] = (),
    regions: Sequence[Region] = (),
    overshoots: bool = False,
    halved: bool = False,
) -> ModuleType:
    """Import the driver module of a combination, writing it first where it is new.

    Args:
        regions: of each kind that is watched one (`watched_kinds`).
        overshoots: whether explicit steps that are thrown across are counted.
        halved: whether steps are halved.

    Raises:
        RunError: if it can't be written anywhere.
    """
    functions = _in_memory(surface, noises)
    if not regions:
        text = combination_source(
            surface, noises, scheme, tangent, single, walls, bool(functions), overshoots, halved=halved
        )
        text += _UNWATCHED
        return _private(text, tuple(functions.items())) if functions else generated_module(text)
    watch = watch_module(regions)
    called = watching(regions)
    private = {} if watch.__name__ in sys.modules else {name: getattr(watch, name) for name in called}
    leaps = any(region.overshoot for region in regions)
    text = combination_source(
        surface,
        noises,
        scheme,
        tangent,
        single,
        walls,
        bool(functions or private),
        overshoots,
        leaps=leaps,
        halved=halved,
    )
    if not private:
        text = f"from {watch.__name__} import {', '.join(called)}\n" + text
    functions |= private
    return _private(text, tuple(functions.items())) if functions else generated_module(text)


def coupled_driver(surface: SurfaceKernel, noises: Sequence[NoiseKernel], scheme: Scheme) -> ModuleType:
    """Import the module that walks a combination at several step lengths at once (`coupled_loop`).

    Raises:
        RunError: if it can't be written anywhere.
    """
    functions = _in_memory(surface, noises)
    text = combination_source(
        surface, noises, scheme, in_memory=bool(functions), loop="coupled_loop"
    )  # fmt: skip
    return _private(text, tuple(functions.items())) if functions else generated_module(text)


def _in_memory(surface: SurfaceKernel, noises: Sequence[NoiseKernel]) -> dict[str, Any]:
    """Functions that can't be imported, by the names that the module calls them."""
    acting = {f"act_{k}": n.functions["acts"] for k, n in enumerate(noises) if "acts" in n.functions}
    return {**surface.functions, **acting}


@lru_cache(maxsize=32)
def _private(text: str, functions: tuple[tuple[str, Callable[..., Any]], ...]) -> ModuleType:
    """The module for functions that live in memory: compiled once for the same ones."""
    names: Mapping[str, Any] = dict(functions)
    return generated_module(text, names)
