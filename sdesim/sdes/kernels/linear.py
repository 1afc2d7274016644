# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
"""Linear equations: drift A (m − x) with constant noise, and geometric Brownian motion."""

from __future__ import annotations

from sdesim.compiled.jit import compiled


@compiled
def grad_dense(x, params, data0, data1, out):
    """A (x − m); params m (d,), data0 (d, d) A."""
    for k in range(x.shape[0]):
        for w in range(x.shape[1]):
            out[k, w] = 0.0
        for j in range(x.shape[0]):
            for w in range(x.shape[1]):
                out[k, w] += data0[k, j] * (x[j, w] - params[j])


@compiled
def hvp_dense(x, v, params, data0, data1, out):
    """A v."""
    for k in range(x.shape[0]):
        for w in range(x.shape[1]):
            out[k, w] = 0.0
        for j in range(x.shape[0]):
            for w in range(x.shape[1]):
                out[k, w] += data0[k, j] * v[j, w]


@compiled
def factor_dense(x, dw, params, data0, data1, out):
    """B w; data1 (d, k) B."""
    for k in range(x.shape[0]):
        for w in range(x.shape[1]):
            out[k, w] = 0.0
        for j in range(dw.shape[0]):
            for w in range(x.shape[1]):
                out[k, w] += data1[k, j] * dw[j, w]


@compiled
def grad_geometric(x, params, data0, data1, out):
    """−μ_k x_k; data0 (1, d) μ."""
    for k in range(x.shape[0]):
        for w in range(x.shape[1]):
            out[k, w] = -(data0[0, k] * x[k, w])


@compiled
def hvp_geometric(x, v, params, data0, data1, out):
    """−μ_k v_k."""
    for k in range(x.shape[0]):
        for w in range(x.shape[1]):
            out[k, w] = -(data0[0, k] * v[k, w])


@compiled
def factor_geometric(x, dw, params, data0, data1, out):
    """σ_k x_k w_k; data1 (1, d) σ."""
    for k in range(x.shape[0]):
        for w in range(x.shape[1]):
            out[k, w] = data1[0, k] * x[k, w] * dw[k, w]
