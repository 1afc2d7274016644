# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
"""Compiled look-up in the panels of one stable law; see `panels`."""

from __future__ import annotations

import math

from sdesim.compiled.jit import compiled, compiled_entry
from sdesim.stable.kernels.evaluation import logarithms
from sdesim.stable.kernels.geometry import log_less
from sdesim.stable.kernels.quantiles import quantile

# Newton's steps within a panel, in t ∈ [−1, 1].
MOST, SETTLED = 30, 4e-15


@compiled
def polynomial(powers, row, t):
    """Σ powers[row, k] t^k."""
    value = powers[row, powers.shape[1] - 1]
    for k in range(powers.shape[1] - 2, -1, -1):
        value = value * t + powers[row, k]
    return value


@compiled
def panel_of(xi, negative, cells, index):
    """The row of the panel at ξ, ±, that holds a point; −1 where there is none."""
    half = index.size // 2
    place = math.floor((-xi if negative else xi) * cells) + half
    # NaN compares as false.
    if xi * cells < half:
        return index[min(max(int(place), 0), index.size - 1)]
    return -1


@compiled
def panel_place(size):
    """ξ = arsinh of a size."""
    return math.log1p(size + size * size / (1.0 + math.sqrt(1.0 + size * size))) if size < 1e150 else 1e3


@compiled
def log_density(x0, x1, s1, width, index, cells, starts, inverses, table, alpha, beta):
    """log f at one point, the bits of `look_up`."""
    z = (x1 if s1 else x0) / width
    xi = panel_place(abs(z))
    row = panel_of(xi, not z >= 0.0, cells, index)
    if row < 0:
        return logarithms(x0, x1, alpha, beta)[0]
    return polynomial(table, row, ((xi if z >= 0.0 else -xi) - starts[row]) * inverses[row] - 1.0)


@compiled_entry
def look_up(x0, x1, s1, what, width, index, cells, starts, inverses, table, right, alpha, beta, out):
    """log f (what = 0), log S (1) or log F (2) at each point; `table` is that of log f or of the tails."""
    for i in range(x0.size):
        z = (x1[i] if s1 else x0[i]) / width
        xi = panel_place(abs(z))
        row = panel_of(xi, not z >= 0.0, cells, index)
        if row < 0:
            log_f, log_s, log_c = logarithms(x0[i], x1[i], alpha, beta)
            out[i] = log_f if what == 0 else (log_s if what == 1 else log_c)
            continue
        t = ((xi if z >= 0.0 else -xi) - starts[row]) * inverses[row] - 1.0
        value = polynomial(table, row, t)
        if what > 0 and (what == 1) != (right[row] == 1):
            value = log_less(value)
        out[i] = value


@compiled_entry
def invert(log_left, log_right, s1, width, starts, inverses, table, right, first, alpha, beta, shift, out):
    """Rows x of S0 and x′ of out (2, n) with F(x) = e^log_left, 1 − F(x) = e^log_right.

    Panels stand in the order of ξ; first (k,) is the tabulated logarithm at the start of each.
    """
    count, last = starts.size, table.shape[1] - 1
    for i in range(log_left.size):
        low, high = -1, count
        while high - low > 1:
            middle = (low + high) // 2
            beyond = log_right[i] <= first[middle] if right[middle] == 1 else log_left[i] >= first[middle]
            if beyond:
                low = middle
            else:
                high = middle
        found = False
        t = 0.0
        if low >= 0:
            target = log_right[i] if right[low] == 1 else log_left[i]
            for _ in range(MOST):
                value, slope = table[low, last], 0.0
                for k in range(last - 1, -1, -1):
                    slope = slope * t + value
                    value = value * t + table[low, k]
                step = (value - target) / slope
                t = min(max(t - step, -1.5), 1.5)
                if abs(step) < SETTLED:
                    found = abs(t) <= 1.0 + 1e-9
                    break
        if not found:
            out[0, i], out[1, i] = quantile(log_left[i], log_right[i], alpha, beta, shift)
            continue
        z = width * math.sinh(starts[low] + (t + 1.0) / inverses[low])
        out[0, i] = z - shift if s1 else z
        out[1, i] = z if s1 else z + shift
