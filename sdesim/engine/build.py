"""Writes and imports the compiled driver of one combination of surface, noises and scheme.

The combination becomes a small module in the user's cache directory, named after the digest of its own text
and of all kernel sources; Numba keeps the machine code beside it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import ModuleType

from sdesim.engine.schemes import Scheme
from sdesim.errors import RunError
from sdesim.noise.base import NoiseKernel
from sdesim.runs import atomic_write_text
from sdesim.surfaces.base import SurfaceKernel

_IMPORTS = """\
import numpy as np

from sdesim.engine.steps import {step} as step_state
from sdesim.surfaces.jit import compiled
from {surface} import {loss} as loss
from {surface} import {grad} as grad
"""
_FILL = """\

@compiled
def fill(seed, first, pair, params, data, i0, i1, w0, w1, s0, s1, t0, t1):
    i0[:, :] = 0.0
    i1[:, :] = 0.0
    w0[:, :] = 0.0
    w1[:, :] = 0.0
{calls}

"""
_MOVE = """\

@compiled
def move(x, i, w, surface, dt, g):
    grad(x, surface[0], surface[1], surface[2], g)
    step_state(x, g, i, dt)


"""
# The drift −∇L dt is the weight −dt/n on every example, so one pass over the examples gives both.
_MOVE_WEIGHTED = """\

@compiled
def move(x, i, w, surface, dt, g):
    n = w.shape[0]
    for e in range(n):
        for k in range(w.shape[1]):
            w[e, k] -= dt / n
    weighted_grad(x, w, surface[0], surface[1], surface[2], g)
    for k in range(x.shape[0]):
        for lane in range(x.shape[1]):
            x[k, lane] += i[k, lane] + g[k, lane]


"""
_MOVE_APART = """\

@compiled
def move(x, i, w, surface, dt, g):
    weighted_grad(x, w, surface[0], surface[1], surface[2], g)
    for k in range(x.shape[0]):
        for lane in range(x.shape[1]):
            i[k, lane] += g[k, lane]
    grad(x, surface[0], surface[1], surface[2], g)
    step_state(x, g, i, dt)


"""


def combination_source(surface: SurfaceKernel, noises: Sequence[NoiseKernel], scheme: Scheme) -> str:
    """The text of the module for this combination."""
    text = _IMPORTS.format(step=scheme.step, surface=surface.module, loss=surface.loss, grad=surface.grad)
    if surface.well is None:
        text += "from sdesim.engine.steps import no_well as well\n"
    else:
        text += f"from {surface.module} import {surface.well} as well\n"
    calls, stream = [], 0
    for k, noise in enumerate(noises):
        text += f"from {noise.module} import {noise.function} as fill_{k}\n"
        target = "w0, w1, t0, t1" if noise.example_weights else "i0, i1, s0, s1"
        calls.append(f"    fill_{k}(seed, {stream}, first, pair, params[{k}], data[{k}], {target})")
        stream += noise.streams
    weighted = any(n.example_weights for n in noises)
    if weighted:
        text += f"from {surface.module} import {surface.weighted_grad} as weighted_grad\n"
    text += "\n" + _FILL.format(calls="\n".join(calls))
    move = _MOVE if not weighted else _MOVE_WEIGHTED if scheme.step == "euler_maruyama" else _MOVE_APART
    return text + move + Path(__file__).with_name("driver.py").read_text(encoding="utf-8")


def cache_folder() -> Path:
    """Where compiled drivers are kept; a temporary folder where the user's cache can't be written."""
    import platformdirs

    folder = Path(platformdirs.user_cache_dir("sdesim")) / "kernels"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return _temporary_folder()
    return folder


@cache
def _temporary_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="sdesim-kernels-"))


def driver(surface: SurfaceKernel, noises: Sequence[NoiseKernel], scheme: Scheme) -> ModuleType:
    """Import the driver module of a combination, writing it first where it is new.

    Raises:
        RunError: if it can't be written anywhere.
    """
    return _import(combination_source(surface, noises, scheme))


@cache
def _import(text: str) -> ModuleType:
    from sdesim.surfaces.jit import source_stamp

    digest = hashlib.sha256((text + source_stamp()).encode()).hexdigest()[:24]
    name = f"sdesim_driver_{digest}"
    path = cache_folder() / f"{name}.py"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        try:
            atomic_write_text(path, text)
        except RunError:
            path = _temporary_folder() / f"{name}.py"
            atomic_write_text(path, text)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
