"""Writes and imports the compiled driver of one combination of surface, noises and scheme.

The combination becomes a module of its own (see `sdesim.surfaces.generated`), so that no step dispatches
anything and later processes find the machine code on disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from sdesim.engine.schemes import Scheme
from sdesim.noise.base import NoiseKernel
from sdesim.surfaces.base import SurfaceKernel
from sdesim.surfaces.generated import generated_module

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
        target = "w0, w1, t0, t1" if noise.kind == "examples" else "i0, i1, s0, s1"
        calls.append(f"    fill_{k}(seed, {stream}, first, pair, params[{k}], data[{k}], {target})")
        stream += noise.streams
    weighted = any(n.kind == "examples" for n in noises)
    if weighted:
        text += f"from {surface.module} import {surface.weighted_grad} as weighted_grad\n"
    text += "\n" + _FILL.format(calls="\n".join(calls))
    move = _MOVE if not weighted else _MOVE_WEIGHTED if scheme.step == "euler_maruyama" else _MOVE_APART
    return text + move + Path(__file__).with_name("driver.py").read_text(encoding="utf-8")


def driver(surface: SurfaceKernel, noises: Sequence[NoiseKernel], scheme: Scheme) -> ModuleType:
    """Import the driver module of a combination, writing it first where it is new.

    Raises:
        RunError: if it can't be written anywhere.
    """
    return generated_module(combination_source(surface, noises, scheme))
