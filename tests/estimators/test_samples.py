"""Whatever a user hands to a public estimator is read, refused in one line, or flagged."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import sdesim.estimators as est
from sdesim.errors import EstimatorError
from sdesim.estimators.core.samples import DROPPED, as_samples, finite_rows

sys.path.insert(0, str(Path(__file__).parent))
import bad
import calls

ARGUMENTS = [(name, argument) for name in calls.functions() for argument in calls.read(name)]
NAMES = sorted({name for name, _ in ARGUMENTS})
# Where NaN means "not read at this step", infinite noise "no signal" and infinite C "no noise", by design; or
# where the argument is not used by the method of the call.
ALLOWED = {
    ("contraction_factor", "c"),
    ("contraction_factor", "pl"),
    ("effective_rates", "grad_norm2"),
    ("effective_rates", "loss"),
    ("effective_rates", "smoothness"),
    ("lyapunov_drift", "diffusion_trace"),
    ("windowed_consolidation", "signal"),
    ("windowed_consolidation", "noise"),
    ("windowed_consolidation", "samples"),
    ("smooth", "values"),
    ("smooth", "errors"),
    ("smoothed_ratio", "numerator_errors"),
    ("detect_transition", "series"),
    ("detect_transition", "low"),
    ("detect_transition", "high"),
    ("detect_transitions", "series"),
    ("detect_transitions", "low"),
    ("detect_transitions", "high"),
    # Large numbers are numbers.
    ("lyapunov_exponent", "tangent_growth"),
}


# NumPy warns of what overflows on the way; what counts is the answer.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def outcome(name, argument, made):
    """What a call gives with one argument replaced; None where it is refused in one line."""
    try:
        return calls.functions()[name](**{**calls.arguments(name), argument: made})
    except EstimatorError as error:
        lines = str(error).splitlines()
    assert len(lines) == 1
    return None


def told(result):
    """Flags of a result, and whether a number of it is not finite."""
    if isinstance(result, est.Estimate):
        raised = {f for f in result.flags if np.any(result.has(f))}
        return raised | ({"not finite"} if not np.isfinite(np.asarray(result.value)).all() else set())
    if isinstance(result, dict):
        return set().union(*map(told, result.values())) | {k for k, v in result.items() if _raised(v)}
    if isinstance(result, tuple | list):
        return set().union(*map(told, result))
    if hasattr(result, "__dataclass_fields__"):
        return set().union(*(told(getattr(result, k)) for k in result.__dataclass_fields__))
    if isinstance(result, np.ndarray | float) and np.asarray(result).dtype.kind == "f":
        return set() if np.isfinite(result).all() else {"not finite"}
    return set()


def _raised(mask):
    return isinstance(mask, np.ndarray) and mask.dtype == bool and mask.any()


def test_every_public_estimator_has_a_valid_call():
    for name, function in calls.functions().items():
        assert function(**calls.arguments(name)) is not None


@pytest.mark.parametrize("name", NAMES)
def test_what_are_no_samples_is_refused_and_odd_ones_end_in_no_other_error(name):
    accepted = []
    for argument in calls.read(name):
        valid = calls.arguments(name)[argument]
        for label, make in bad.REFUSED.items():
            if outcome(name, argument, make(valid)) is not None:
                accepted.append((argument, label))
        for label, make in bad.ODD.items():
            if not (label == "negative" and valid.dtype == bool):
                outcome(name, argument, make(valid))

    assert accepted == []


@pytest.mark.parametrize("name", NAMES)
def test_what_is_missing_is_refused_flagged_or_no_number(name):
    silent = []
    for argument in calls.read(name):
        call = calls.arguments(name)
        known = told(calls.functions()[name](**call))
        for label, make in bad.MISSING.items():
            result = outcome(name, argument, make(call[argument]))
            if result is not None and not told(result) - known and (name, argument) not in ALLOWED:
                silent.append((argument, label, result))

    assert silent == []


@pytest.mark.parametrize("make", bad.SAME.values(), ids=list(bad.SAME))
def test_the_same_numbers_held_otherwise_are_the_same(make):
    found = as_samples(make(calls.GRADIENTS))

    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, calls.GRADIENTS)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int32])
@pytest.mark.parametrize("learns", [False, True])
def test_tensors_are_read_like_arrays(dtype, learns):
    learns = learns and dtype.is_floating_point
    x = torch.arange(6.0).reshape(2, 3).to(dtype).requires_grad_(learns)

    np.testing.assert_array_equal(as_samples(x), [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(as_samples(x.T), [[0, 3], [1, 4], [2, 5]])
    np.testing.assert_array_equal(as_samples(x.detach().to_sparse()), [[0, 1, 2], [3, 4, 5]])


def test_a_complex_tensor_is_refused():
    with pytest.raises(EstimatorError, match="complex numbers"):
        as_samples(torch.ones(2, dtype=torch.complex64))


def test_plain_arrays_are_not_copied():
    for dtype in (np.float32, np.float64):
        x = np.ones((4, 2), dtype)
        assert as_samples(x) is x


def test_half_precision_that_overflows_is_told():
    draws = np.random.default_rng(0).standard_cauchy((20_000, 1)) * 1e3

    with np.errstate(over="ignore"):
        half = draws.astype(np.float16)
    found = est.tail_index(half, "hill")

    assert DROPPED in found.flags
    assert found.details["dropped_share"] == pytest.approx(np.mean(~np.isfinite(half)))
    assert DROPPED not in est.tail_index(draws, "hill").flags


def test_rows_that_are_not_whole_are_left_out():
    x = np.array([[1.0, 2.0], [np.nan, 1.0], [3.0, np.inf], [4.0, 5.0]])

    kept, share = finite_rows(x)

    np.testing.assert_array_equal(kept, [[1.0, 2.0], [4.0, 5.0]])
    assert share == 0.5


def test_what_a_mask_hides_is_missing():
    hidden = np.ma.MaskedArray([1.0, 2.0, 3.0], [False, True, False])

    np.testing.assert_array_equal(as_samples(hidden), [1.0, np.nan, 3.0])


def test_the_error_of_a_bad_argument_names_the_estimator():
    with pytest.raises(EstimatorError, match=r"^survival_statistics: .*unexpected keyword"):
        est.survival_statistics([1.0], [True], lvl=0.9)


@pytest.mark.parametrize("stream", [est.MomentStream, est.PairStream, est.EmaStream])
def test_streams_read_what_they_are_given_likewise(stream):
    arguments = 2 if stream is est.PairStream else 1
    shape = (4, 3) if stream is est.MomentStream else (3,)
    rows = np.random.default_rng(0).standard_normal((6, *shape))
    told, held = stream(), stream()
    for x in rows:
        told.update(*[x] * arguments)
        held.update(*[torch.tensor(x, requires_grad=True)] * arguments)

    assert held.estimate() == told.estimate()
    for make in bad.REFUSED.values():
        with pytest.raises(EstimatorError):
            stream().update(*[make(rows[0])] * arguments)
