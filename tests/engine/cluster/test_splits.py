"""Random scenarios have one answer, however their work is split: threads, blocks, chunks, workers, strides.

SDESIM_EXAMPLES=300 tries so many, of every sort of noise and scheme that is known to the properties.
"""

from __future__ import annotations

import os

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sdesim
from sdesim import events, reductions, surfaces
from sdesim.engine.cluster import gather
from sdesim.runs import store
from tests.engine.cluster.clustered import assert_same
from tests.engine.test_properties import CASES, POINTS, RATES, SEEDS

EXAMPLES = int(os.environ.get("SDESIM_EXAMPLES", "5"))
# Each sort is a program to be compiled, so that a few stand for all unless many are asked for.
SORTS = ["added", "baoab"] if EXAMPLES < 20 else sorted(CASES)


@given(
    sort=st.sampled_from(SORTS), rates=RATES, start=POINTS, seed=SEEDS, dt=st.floats(1e-3, 0.2),
    trajectories=st.integers(1, 300), steps=st.integers(2, 60), stride=st.integers(1, 6),
    threads=st.integers(1, 3), block=st.sampled_from([64, 128, 256]), chunk=st.integers(1, 9),
)  # fmt: skip
@settings(
    max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES < 20,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
def test_a_scenario_has_one_answer(
    client, monkeypatch, tmp_path_factory, sort, rates, start, seed, dt, trajectories, steps, stride, threads,
    block, chunk,
):  # fmt: skip
    case = CASES[sort]

    def walk(**changes):
        arguments = {
            "dt": dt, "steps": steps, "trajectories": trajectories, "save_every": 1, "threads": 1, "seed": seed,
            "scheme": case.scheme(1.0), "progress": False, "events": [events.Exit(upper=2.0, stop=True)],
            "reduce": [reductions.Moments(order=2, every=steps)],
        }  # fmt: skip
        surface = surfaces.Quadratic(rates, center=0.4)
        return sdesim.simulate(surface, case.noise(1.0, 1.0), start, **(arguments | changes))

    plain = walk()
    with monkeypatch.context() as patch:
        patch.setattr(store, "_MOST_STEPS", chunk)
        stored = walk(threads=threads, out=tmp_path_factory.mktemp("run") / "run.zarr").load()
    with monkeypatch.context() as patch:
        patch.setattr(gather, "block_size", lambda *_: block)
        spread = walk(cluster=client)
    few = walk(save_every=stride, threads=threads)

    assert_same(stored, plain)
    assert_same(spread, plain)
    kept = plain.sel(step=few["step"].values)
    for name in few.data_vars:
        np.testing.assert_array_equal(few[name].values, kept[name].values, err_msg=name)
