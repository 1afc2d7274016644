"""C24: a margin whose sign is right comes out as right."""

from __future__ import annotations

from importlib import import_module

import numpy as np

from sdesim.shipped import study

study("claims")
margins = import_module("sdesim_claims.margins")


def test_the_check_of_a_margin_can_come_out_as_holding():
    eta, lam = np.meshgrid(np.geomspace(1e-3, 10, 41), np.geomspace(1e-2, 1e3, 51))
    stable = eta * lam < 2

    assert margins.agreement(2 / eta - lam, stable) == 1.0
    assert margins.agreement(lam - 2 / eta, stable) == 1.0
    assert margins.agreement(2 * eta - lam, stable) < 0.6
