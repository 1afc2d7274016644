"""Simulations that memory does not hold are refused before anything is made."""

import numpy as np
import pytest

import sdesim
from sdesim.errors import RunError
from sdesim.io import memory

BOWL = sdesim.surfaces.Quadratic(np.ones(100))


def simulated(tmp_path, **settings):
    return sdesim.simulate(
        BOWL, [sdesim.noise.Gaussian(0.1)], dt=0.1, steps=2, progress=False, out=tmp_path / "a.zarr",
        **settings,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"trajectories": 10_000}, r"^the ensemble would take 0\.024 GB .*: lower trajectories$"),
        (
            {"probes": sdesim.Probes(samples=5000)},
            r"^probes: a reading .*: lower samples, 5000, to 416$",
        ),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_written(settings, message, tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 1e6)

    with pytest.raises(RunError, match=message):
        simulated(tmp_path, **settings)

    assert not any(tmp_path.iterdir())


def test_a_run_that_is_kept_in_memory_must_fit_into_it(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 1e6)

    # 8 · 100 coordinates · 2,001 points.
    with pytest.raises(RunError, match=r"^this run would take 0\.00\d+ GB .*: give out=PATH"):
        sdesim.simulate(BOWL, [], dt=0.1, steps=2000, save_every=1, progress=False)
