"""C in a metric: invariant where the metric changes with the coordinates."""

import numpy as np
import pytest

from sdesim import estimators as est
from sdesim.errors import EstimatorError


def test_gt41_only_a_covariant_metric_makes_c_invariant():
    rng = np.random.default_rng(4)
    sigma = np.array([[2.0, 0.5], [0.5, 1.0]])
    g = rng.standard_normal((40, 2)) @ np.linalg.cholesky(sigma).T + 1.0
    metric, jacobian = np.diag([3.0, 1.0]), np.diag([0.1, 1.0])
    back = np.linalg.inv(jacobian)

    plain = est.metric_consolidation(g, metric)
    along = est.metric_consolidation(g @ back, back.T @ metric @ back)
    fixed = est.metric_consolidation(g @ back, metric)

    assert along.value == pytest.approx(plain.value, rel=1e-10)
    assert (along.low, along.high) == pytest.approx((plain.low, plain.high), rel=1e-9)
    assert abs(fixed.value / plain.value - 1) > 0.05
    assert est.metric_consolidation(g, [3.0, 1.0]).value == pytest.approx(plain.value, rel=1e-12)
    # By hand: |ḡ|²_F and Tr F⁻¹Σ̂.
    mean, trace = g.mean(axis=0), (g.var(axis=0, ddof=1) / [3.0, 1.0]).sum()
    assert plain.value == pytest.approx((mean**2 / [3.0, 1.0]).sum() / trace - 1 / 40)


def test_what_is_no_metric_is_refused():
    with pytest.raises(EstimatorError, match="positive definite"):
        est.metric_consolidation(np.eye(3), -np.eye(3))
    with pytest.raises(EstimatorError, match="metric must have shape"):
        est.metric_consolidation(np.eye(3), np.ones(2))
