"""C of the clients' changes and of their examples, from what a federated run holds."""

import numpy as np
import pytest
import xarray as xr

from sdesim import estimators as est
from sdesim.runs.measures.clients import client_consolidation

CLIENTS, EXAMPLES = 5, 12
PER_CLIENT = ("trajectory", "probe", "client")


@pytest.fixture(scope="module")
def given():
    """Changes (1, 2, K, d) of K clients in two rounds, and gradients (1, 2, K, N, d) of their examples."""
    rng = np.random.default_rng(0)
    changes = 0.7 + rng.standard_normal((1, 2, CLIENTS, 4))
    gradients = 0.5 + rng.standard_normal((1, 2, CLIENTS, EXAMPLES, 4))
    return changes, gradients


@pytest.fixture(scope="module")
def run(given):
    changes, g = given
    merged = g.reshape(1, 2, CLIENTS * EXAMPLES, 4)
    mean = changes.mean(axis=2)
    return xr.Dataset({
        "update_norm2": (PER_CLIENT, (changes**2).sum(axis=-1)),
        "update_dot_mean": (PER_CLIENT, np.einsum("rpkd,rpd->rpk", changes, mean)),
        "client_signal": (PER_CLIENT, (g.mean(axis=3) ** 2).sum(axis=-1)),
        "client_noise": (PER_CLIENT, g.var(axis=3).sum(axis=-1)),
        "merged_signal": (PER_CLIENT[:2], (merged.mean(axis=2) ** 2).sum(axis=-1)),
        "merged_noise": (PER_CLIENT[:2], merged.var(axis=2).sum(axis=-1)),
    })  # fmt: skip


def measured(run, heavy=False):
    return client_consolidation(run, 0.9, np.full((1, 2), heavy))


def test_changes_are_draws_and_each_client_counts_once(run, given):
    found = measured(run)["C_clients"]

    for probe in range(2):
        e = est.consolidation_ratio(given[0][0, probe], level=0.9)
        got = [x[0, probe] for x in (found.value, found.low, found.high)]
        assert got == pytest.approx([e.value, e.low, e.high], rel=1e-10)
    # Fewer than twenty draws.
    assert found.flags["too_few_samples"].all()


def test_c_of_all_examples_and_the_mean_of_the_clients_own(run, given):
    found = measured(run)
    g = given[1][0, 1]

    merged = (g.mean(axis=(0, 1)) ** 2).sum() / g.reshape(-1, 4).var(axis=0).sum()
    own = (g.mean(axis=1) ** 2).sum(axis=-1) / g.var(axis=1).sum(axis=-1)
    assert found["C_1_merged"].value[0, 1] == pytest.approx(merged, rel=1e-12)
    assert found["C_1_client_mean"].value[0, 1] == pytest.approx(own.mean(), rel=1e-12)
    for name in ("C_1_merged", "C_1_client_mean"):
        assert np.isnan([found[name].low, found[name].high]).all()


def test_one_client_without_noise_makes_the_mean_infinite_and_says_so(run):
    noise = run["client_noise"].copy()
    noise[0, 0, 2] = 0.0

    found = measured(run.assign(client_noise=noise))["C_1_client_mean"]

    assert np.isposinf(found.value[0, 0])
    assert np.isfinite(found.value[0, 1])
    assert found.flags["zero_noise"].tolist() == [[True, False]]


def test_heavy_tails_reach_what_is_made_of_examples(run):
    found = measured(run, heavy=True)

    for name in ("C_1_merged", "C_1_client_mean"):
        assert found[name].flags["heavy_tail_variance_undefined"].all()


def test_a_round_that_was_not_probed_is_missing_and_not_infinite(run):
    missing = run.copy(deep=True)
    for values in missing.data_vars.values():
        values[0, 1] = np.nan

    found = measured(missing)

    for column in found.values():
        assert np.isnan(column.value[0, 1])
        assert np.isfinite(column.value[0, 0])
    assert not found["C_clients"].flags["nonfinite"].any()
