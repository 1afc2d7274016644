"""A random scenario has one answer, however its work is split: threads, workers, blocks, chunks, saved steps.

SDESIM_EXAMPLES=300 tries so many, of every sort of noise and scheme that is known to the properties.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import sdesim
from sdesim import events, reductions, surfaces
from sdesim.engine.cluster import sizing
from sdesim.runs import chunks
from tests.engine.cluster.clustered import assert_same, local
from tests.engine.test_properties import CASES, POINTS, RATES, SEEDS

EXAMPLES = int(os.environ.get("SDESIM_EXAMPLES", "4"))
# Each sort is a program to be compiled, so that one stands for all unless many are asked for.
SORTS = sorted(CASES) if EXAMPLES >= 100 else ["added"]


@dataclass(frozen=True)
class Split:
    """How the work is split, none of which may be seen in a number.

    Attributes:
        threads, workers: that share it. block: trajectories of a task.
        at_once: saved steps of a chunk at the most. bytes: of a chunk at the most.
    """

    threads: int
    workers: int
    block: int
    at_once: int
    bytes: int


SPLITS = st.builds(
    Split, threads=st.integers(1, 3), workers=st.integers(1, 3), block=st.sampled_from([64, 128, 256]),
    at_once=st.integers(7, 40), bytes=st.sampled_from([8000, 2**23]),
)  # fmt: skip


@pytest.fixture(scope="module")
def clients(client):
    with ExitStack() as stack:
        yield {1: stack.enter_context(local(1)), 2: client, 3: stack.enter_context(local(3))}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("splits")


# A few examples with one program, or as many as are asked for; a failure is shrunk, but not explained, which
# takes minutes.
@given(
    sort=st.sampled_from(SORTS), rates=RATES, starts=st.lists(POINTS, min_size=1, max_size=3), seed=SEEDS,
    dt=st.floats(1e-3, 0.2), trajectories=st.integers(2, 300), steps=st.integers(2, 60),
    stride=st.integers(1, 60), split=SPLITS,
)  # fmt: skip
@settings(
    max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES < 100, database=None,
    phases=[Phase.generate, Phase.shrink], suppress_health_check=list(HealthCheck),
)  # fmt: skip
def test_a_scenario_has_one_answer(
    clients, folder, sort, rates, starts, seed, dt, trajectories, steps, stride, split
):
    case = CASES[sort]
    theta0 = np.resize(np.array(starts), (trajectories, 2))

    def walk(**changes):
        arguments = {
            "theta0": theta0, "dt": dt, "steps": steps, "trajectories": trajectories, "save_every": 1,
            "seed": seed, "threads": 1, "scheme": case.scheme(1.0), "progress": False,
            "events": [events.Exit(upper=3.1, stop=True)], "reduce": [reductions.Moments(order=2)],
        }  # fmt: skip
        surface = surfaces.Quadratic(rates, center=0.4)
        return sdesim.simulate(surface, case.noise(1.0, 1.0), **(arguments | changes))

    def out():
        return folder / f"{len(list(folder.iterdir()))}.zarr"

    plain = walk()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "_MOST_STEPS", split.at_once)
        patch.setattr(chunks, "_CHUNK_BYTES", split.bytes)
        patch.setattr(sizing, "block_size", lambda *_: split.block)
        stored = walk(threads=split.threads, out=out()).load()
        spread = walk(threads=split.threads, cluster=clients[split.workers])
        both = walk(cluster=clients[split.workers], out=out()).load()
    few = walk(save_every=min(stride, steps), threads=split.threads)

    assert_same(stored, plain)
    assert_same(spread, plain)
    assert_same(both, plain)
    kept = plain.sel(step=few["step"].values)
    for name in few.data_vars:
        if kept[name].dims == few[name].dims:
            np.testing.assert_array_equal(few[name].values, kept[name].values, err_msg=name)
