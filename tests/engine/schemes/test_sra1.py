"""Rößler's SRA1 step against its NumPy twin, and the noise that it refuses."""

import math

import pytest

import sdesim
from sdesim import noise
from sdesim.errors import SdesimError
from tests.engine.schemes.twins import ADDITIVE, DT, WELL, against_twin


def sra1(x, v, i, j, grad, at, rate):
    """Rößler's tableau: c₀ = A₀ = ¾, B₀ = 3/2, α = (⅓, ⅔), with I₍₁,₀₎ = ½ dt (ΔN + ΔN′/√3)."""
    integral = 0.5 * DT * (i + j / math.sqrt(3))
    y = x - 0.75 * DT * grad(x) + 1.5 * integral / DT
    return x - DT * (grad(x) / 3 + 2 * grad(y) / 3) + i, v


def test_a_step_of_sra1_is_that_of_its_numpy_twin():
    against_twin(ADDITIVE, "sra1", sra1)


def test_a_truncated_jump_is_still_levy_noise():
    with pytest.raises(SdesimError, match=r"'sra1' .* can't take additive noise other than"):
        sdesim.simulate(WELL, noise.Stable(1.5, 0.1, truncation=1.0), dt=0.1, steps=1, scheme="sra1")
