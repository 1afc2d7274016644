"""A phase by the second-order formula is undefined where the loss goes the other way beyond chance."""

import numpy as np
import pytest

from sdesim.runs import measure
from tests.runs.synthetic_run import normal, synthetic

# C = |μ|²/Tr Σ is 4, C* at most 0.05 (1 + C): every phase is "generalization".
GRADIENTS = normal((2, 3, 24, 6), mean=2.0)
COUNT, T_999 = 8.0, 5.408


def with_progress(run, value, error=1.0, count=COUNT):
    given = {"progress": value, "progress_error": error, "progress_count": count}
    units = {"units": "loss", "long_name": "x"}
    return run.assign(
        {
            n: (("trajectory", "probe"), np.broadcast_to(float(x), (2, 3)).copy(), units)
            for n, x in given.items()
        }
    )


def with_loss(run, rise):
    """Steps 0, 50 and 100 are probed; the loss after each of the first two is moved."""
    loss = run["loss"].values.copy()
    loss[:, [1, 51]] += rise
    return run.assign(loss=(("trajectory", "step"), loss, run["loss"].attrs))


@pytest.fixture(scope="module")
def run():
    return synthetic(GRADIENTS)


def test_without_anything_against_it_the_formula_decides(run):
    found = measure(run)

    assert (found["phase"] == "generalization").all()
    assert not any(found["phase_flags"].values.ravel())


@pytest.mark.parametrize(
    ("progress", "error", "against"),
    [
        (T_999 * 1.01, 1.0, True),
        (T_999 * 0.99, 1.0, False),
        (-9.0, 1.0, False),
        # Two branches that drew the same batch.
        (9.0, 0.0, False),
        (np.nan, np.nan, True),
    ],
)
def test_steps_from_the_state_contradict_beyond_their_interval_of_999_in_1000(run, progress, error, against):
    found = measure(with_progress(run, progress, error), smooth=True)

    assert (found["phase"] == ("undefined" if against else "generalization")).all()
    flag = "contradicted_by_progress" if against else ""
    for name in ("phase", "C_star", "lyapunov_drift"):
        assert all(str(text) == flag for text in found[f"{name}_flags"].values.ravel())
    assert (found["phase_method"] == ("" if against else "second-order")).all()
    assert (found["phase_smooth_reason"] == (flag or "too_few_readings")).all()


def test_a_mean_over_the_steps_before_contradicts_nothing(run):
    found = measure(with_progress(run, 99.0).assign_attrs(progress_method="steps"))

    assert (found["phase"] == "generalization").all()


def test_steps_without_noise_contradict_nothing_of_single_examples_and_those_are_flagged(run):
    whole = with_progress(run, 99.0).assign_attrs(batch_size=0, probe_batch_size=1)
    found = measure(whole)

    assert (found["phase"] == "generalization").all()
    for name in ("phase", "C_alpha", "C_star"):
        assert all("full_batch" in str(text).split(";") for text in found[f"{name}_flags"].values.ravel())


def test_a_descent_contradicts_exploration(run):
    raised = run.assign(step_size=1000 * run["step_size"])

    assert (measure(raised)["phase"] == "exploration").all()
    assert (measure(with_progress(raised, -9.0))["phase"] == "undefined").all()


def test_the_step_that_was_made_contradicts_beyond_six_of_its_largest_standard_deviations(run):
    plain = measure(run)
    signal, noise = (plain[f"{name}_high"].values for name in ("signal", "noise"))
    bend = run["lambda_max"].values
    spread = 0.1 * np.sqrt(signal * noise) + 0.005 * bend * np.sqrt(2 * noise**2 + 4 * signal * noise)
    rise = 6 * spread[:, :2] + 1e-5

    beyond, within = (measure(with_loss(run, factor * rise)) for factor in (1.01, 0.99))

    # After the last probe no step was made.
    assert beyond["phase"].values.tolist() == [["undefined", "undefined", "generalization"]] * 2
    assert all(text == "contradicted_by_loss" for text in beyond["phase_flags"].values[:, :2].ravel())
    assert (within["phase"] == "generalization").all()


@pytest.mark.parametrize("attrs", [{"dt": 0.01}, {"momentum": 0.9}, {"modes": ["Dropout"], "mode": "train"}])
def test_losses_of_other_steps_or_objectives_contradict_nothing(run, attrs):
    found = measure(with_loss(run, 1e9).assign_attrs(attrs))

    assert (found["phase"] == "generalization").all()


def test_what_is_lost_before_its_next_probe_is_flagged(run):
    where = {"units": "1", "long_name": "x"}
    lost = run.assign(
        status=(("trajectory",), np.array([1, 0], np.int8), where),
        stopped_step=(("trajectory",), np.array([60, 100]), where),
    )

    texts = measure(lost)["phase_flags"].values

    assert texts.tolist() == [["", "lost_before_next_probe", ""], ["", "", ""]]
