"""Orders of convergence, and claims."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from sdesim import plots
from sdesim.errors import RunError
from sdesim.plots.style import NothingToDraw

DT = np.array([0.4, 0.2, 0.1])


def test_errors_that_drown_in_their_noise_are_hollow_and_on_no_line():
    order = SimpleNamespace(
        dt=DT, error=DT**2, se=[0.01, 0.01, 0.01], slope=2.01, low=1.9, high=2.1, stated=2
    )

    ax = plots.convergence({"Heun": order})

    kept, hollow, guide = ax.lines[0], ax.lines[-2], ax.lines[-1]
    np.testing.assert_allclose(kept.get_xdata(), [0.2, 0.4])
    np.testing.assert_allclose(hollow.get_xdata(), [0.1])
    x, y = guide.get_data()
    assert np.log(y[1] / y[0]) / np.log(x[1] / x[0]) == pytest.approx(2.0)
    assert "Heun: order 2.01 [1.90, 2.10]" in ax.get_legend_handles_labels()[1]


def test_plain_arrays_are_taken_and_what_does_not_fit_is_refused():
    assert len(plots.convergence((DT, DT), orders=[1]).lines) >= 2
    with pytest.raises(RunError, match="found shapes"):
        plots.convergence((DT, DT[:2]))
    with pytest.raises(NothingToDraw, match="no error is positive"):
        plots.convergence((DT, 0 * DT))


def test_a_claim_shows_its_verdict_and_each_statement_with_its_outcome():
    record = {
        "id": "C3", "claim": "It is so.", "verdict": "fails as stated",
        "stated": [{"text": "slope = 0: −0.33", "holds": False}, {"text": "open", "holds": None}],
        "corrected_checks": [{"text": "slope = −1/3", "holds": True}],
    }  # fmt: skip

    ax = plots.claim(record)

    assert ax.get_title(loc="left") == "C3. It is so.\nfails as stated"
    assert [line.get_marker() for line in ax.lines] == ["D", "o", "o"]
    assert [t.get_text() for t in ax.texts if t.get_fontweight() == "bold"] == [
        "as stated",
        "what holds instead",
    ]
    with pytest.raises(RunError, match="no 'verdict'"):
        plots.claim({"id": "C3", "claim": "It is so."})
