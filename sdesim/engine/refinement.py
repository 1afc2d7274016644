"""The path of a run with step dt, walked with dt/k."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from sdesim.engine.plan import Plan
from sdesim.engine.reductions.base import Base as Reduction
from sdesim.engine.schemes import Scheme
from sdesim.kinds import Misfit
from sdesim.kinds.misfit import Problem
from sdesim.kinds.numbers import whole
from sdesim.noise import NoiseKernel
from sdesim.noise.bridge import refined

FIELD = "refine"
# Halvings are numbered by 5 bits; the step pair's word of a halving holds 32.
_MOST = 2**20


def check_refine(value: Any) -> int:
    """k, a power of two.

    Raises:
        Misfit: it is none.
    """
    k = whole(value, FIELD)
    if k & (k - 1) or k > _MOST:
        rule = "a power of two up to 2^20, so that all refinements of a run are one path"
        raise Misfit(FIELD, f"found {k}, allowed: {rule}")
    return k


def misfits(
    k: int, kernels: Sequence[NoiseKernel], own: int, scheme: Scheme, dtype: str, continued: bool,
    reductions: Sequence[Reduction],
) -> Iterator[Problem]:  # fmt: skip
    """Why a run can't be walked with dt/k, each reason with its place in the arguments of `simulate`.

    Args:
        kernels: of the noises at dt, the first ``own`` of which are the equation's.
    """
    if k == 1:
        return
    if continued:
        yield (FIELD,), f"found {k}, allowed: 1 with continue_from"
    if dtype != "float64":
        yield (FIELD,), f"found {k}, allowed: 1 with dtype {dtype!r}, whose normals are others"
    if scheme.auxiliary or scheme.steps_by_learning_rate:
        why = "draws a second set of increments" if scheme.auxiliary else "is a map of the learning rate"
        yield (FIELD,), f"found {k}, allowed: 1 with scheme {scheme.name!r}, which {why}"
    for number, reduction in enumerate(reductions):
        # A short step has no number in the run.
        if reduction.every != "saved":
            yield ("reduce", number, "every"), f"found {reduction.every}, allowed: saved with refine {k}"
    for number, kernel in enumerate(kernels):
        if kernel.split is None:
            rule = (
                "Gaussian noise, and stable noise without truncation, tempering and matrix, of constant size"
            )
            found = f"found one whose increments can't be taken apart, allowed with refine {k}"
            yield ("noise", number - own), f"{found}: {rule}"


def refined_plan(plan: Plan, k: int) -> Plan:
    """The plan with steps of dt/k, under increments that sum to those of its own over each dt.

    Raises:
        Misfit: an increment can't be taken apart, a scheme needs more than increments, or a reduction looks
            at every step, which has no number in the run.
    """
    if k == 1:
        return plan
    if plan.tolerance is not None:
        raise Misfit(FIELD, f"found {k}, allowed: 1 with tolerance")
    own = len(plan.noise_kernels) - len(plan.noises)
    found = misfits(
        k, plan.noise_kernels, own, plan.scheme, plan.dtype, plan.end is not None, plan.reductions
    )  # fmt: skip
    if wrong := list(found):
        raise Misfit(wrong)
    if plan.steps * k >= 2**32:
        raise Misfit(FIELD, f"found {k}, allowed: fewer than 2^32 steps in all, not {plan.steps * k}")
    halvings = k.bit_length() - 1
    return replace(
        plan, dt=plan.dt / k, steps=plan.steps * k, saved=plan.saved * k, probe_steps=plan.probe_steps * k,
        noise_kernels=tuple(refined(kernel, halvings) for kernel in plan.noise_kernels), refine=k,
    )  # fmt: skip
