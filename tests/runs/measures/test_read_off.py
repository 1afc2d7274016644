"""Quantities read off others: their values, ends and what they leave open."""

import numpy as np
import pytest
import xarray as xr

from sdesim.runs.measures.read_off import critical_batch, edge_ratio, gradient_agreement

PROBE = ("trajectory", "probe")


def measured(name, value, low, high, flags=None):
    value = np.array([value], dtype=float)
    texts = np.array([flags or [""] * value.shape[1]])
    return xr.Dataset(
        {name: (PROBE, value), f"{name}_low": (PROBE, np.array([low], dtype=float)),
         f"{name}_high": (PROBE, np.array([high], dtype=float)), f"{name}_flags": (PROBE, texts)},
        attrs={"level": 0.95},
    )  # fmt: skip


def test_the_critical_batch_is_the_inverse_and_open_above_where_c_may_be_0():
    found = critical_batch(
        xr.Dataset(), measured("C_1", [0.02, 0.02, -0.01], [0.01, 0, 0], [0.04, 0.05, 0.01])
    )

    assert found.value[0] == pytest.approx([50, 50, np.nan], nan_ok=True)
    assert found.low[0] == pytest.approx([25, 20, 100])
    assert found.high[0] == pytest.approx([100, np.inf, np.inf])
    assert found.flags["unresolved"].tolist() == [[False, True, True]]


def test_the_edge_is_where_the_margin_is_0():
    margin = measured("S", [0.5, 0.02, -1.0], [0.4, -0.1, -1.2], [0.6, 0.1, -0.9], ["", "not_converged", ""])
    found = edge_ratio(xr.Dataset(), margin)

    assert found.value[0] == pytest.approx([0.75, 0.99, 1.5])
    assert found.low[0] == pytest.approx([0.7, 0.95, 1.45])
    assert found.high[0] == pytest.approx([0.8, 1.05, 1.6])
    assert found.flags["unresolved"].tolist() == [[False, True, False]]
    assert found.flags["not_converged"].tolist() == [[False, True, False]]


def test_the_agreement_has_student_s_interval():
    run = xr.Dataset({
        "gradient_agreement": (PROBE, [[0.5, 0.1]]), "gradient_agreement_error": (PROBE, [[0.1, 0.1]]),
        "gradient_agreement_count": (PROBE, [[5.0, 5.0]]),
    })  # fmt: skip
    found = gradient_agreement(run, xr.Dataset(attrs={"level": 0.95}))

    # t of 4 degrees at 97.5%.
    assert found.high[0] - found.value[0] == pytest.approx([0.27764] * 2, rel=1e-4)
    assert found.flags["unresolved"].tolist() == [[False, True]]


def test_without_what_they_are_read_off_there_is_none():
    nothing = xr.Dataset(attrs={"level": 0.95})
    assert all(f(nothing, nothing) is None for f in (critical_batch, edge_ratio, gradient_agreement))
