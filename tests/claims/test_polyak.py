"""C35: noise of a fixed size has its floor."""

from __future__ import annotations

from importlib import import_module

import pytest

from sdesim.shipped import study

study("claims")
polyak = import_module("sdesim_claims.polyak")


def test_fixed_noise_ends_at_its_floor():
    r, d = 0.1, 10
    theta2 = 9.0
    for _ in range(37):
        theta2 = (1 - r) ** 2 * theta2 + r**2

    assert polyak.mean_loss_fixed_noise(r, 37, d) == pytest.approx(d / 2 * theta2)
    assert polyak.mean_loss_fixed_noise(r, 10**6, d) == pytest.approx(r * d / (2 * (2 - r)))
