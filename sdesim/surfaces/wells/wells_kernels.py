# mypy: disable-error-code="misc,call-arg,var-annotated,no-any-return,no-untyped-def,no-untyped-call"
# mypy: disable-error-code="untyped-decorator"
"""Compiled twin of `Wells`, on blocks (1, W); params = [points (n,), heights (n,), two walls]."""

from __future__ import annotations

from sdesim.compiled.jit import compiled


@compiled
def grad(x, params, data0, data1, out):
    """6 (L_b − L_a) t (1 − t)/(b − a) within, s (x − end) outside."""
    n = (params.size - 2) // 2
    for w in range(x.shape[1]):
        y = x[0, w]
        if y < params[0]:
            out[0, w] = params[2 * n] * (y - params[0])
        elif y > params[n - 1]:
            out[0, w] = params[2 * n + 1] * (y - params[n - 1])
        else:
            k = 0
            while k < n - 2 and y >= params[k + 1]:
                k += 1
            width = params[k + 1] - params[k]
            t = (y - params[k]) / width
            out[0, w] = (6.0 * (params[n + k + 1] - params[n + k]) / width) * (t * (1.0 - t))


@compiled
def hvp(x, v, params, data0, data1, out):
    """6 (L_b − L_a)(1 − 2t)/(b − a)² v within, s v outside."""
    n = (params.size - 2) // 2
    for w in range(x.shape[1]):
        y = x[0, w]
        if y < params[0]:
            out[0, w] = params[2 * n] * v[0, w]
        elif y > params[n - 1]:
            out[0, w] = params[2 * n + 1] * v[0, w]
        else:
            k = 0
            while k < n - 2 and y >= params[k + 1]:
                k += 1
            width = params[k + 1] - params[k]
            t = (y - params[k]) / width
            bend = 6.0 * (params[n + k + 1] - params[n + k]) / (width * width)
            out[0, w] = bend * (1.0 - 2.0 * t) * v[0, w]


@compiled
def loss(x, params, data0, data1, out):
    """L_a + (L_b − L_a)(3t² − 2t³) within, end + ½ s (x − end)² outside."""
    n = (params.size - 2) // 2
    for w in range(x.shape[1]):
        y = x[0, w]
        if y < params[0]:
            out[w] = params[n] + 0.5 * params[2 * n] * ((y - params[0]) * (y - params[0]))
        elif y > params[n - 1]:
            out[w] = params[2 * n - 1] + 0.5 * params[2 * n + 1] * ((y - params[n - 1]) * (y - params[n - 1]))
        else:
            k = 0
            while k < n - 2 and y >= params[k + 1]:
                k += 1
            t = (y - params[k]) / (params[k + 1] - params[k])
            out[w] = params[n + k] + (params[n + k + 1] - params[n + k]) * (t * t * (3.0 - 2.0 * t))


@compiled
def well(x, lane, params):
    """Number of maxima at or left of x, −1 for NaN."""
    y = x[0, lane]
    if y != y:
        return -1
    n = (params.size - 2) // 2
    found = 0
    for k in range(1, n, 2):
        if y >= params[k]:
            found += 1
    return found
