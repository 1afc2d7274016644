# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
"""Square-root diffusions with full truncation: x⁺ = max(x, 0) wherever the coefficients ask for x."""

from __future__ import annotations

from sdesim.compiled.jit import compiled


@compiled
def grad_cir(x, params, data0, data1, out):
    """−κ (m − x⁺); params [κ, m, σ]."""
    for w in range(x.shape[1]):
        out[0, w] = params[0] * (max(x[0, w], 0.0) - params[1])


@compiled
def hvp_cir(x, v, params, data0, data1, out):
    """κ v where x is above 0."""
    for w in range(x.shape[1]):
        out[0, w] = params[0] * v[0, w] if x[0, w] > 0.0 else 0.0


@compiled
def factor_cir(x, dw, params, data0, data1, out):
    """σ √x⁺ w."""
    for w in range(x.shape[1]):
        out[0, w] = params[2] * max(x[0, w], 0.0) ** 0.5 * dw[0, w]


@compiled
def grad_heston(x, params, data0, data1, out):
    """−(μ S, κ (m − v⁺)); params [μ, κ, m, σ, ρ, √(1 − ρ²)]."""
    for w in range(x.shape[1]):
        out[0, w] = -(params[0] * x[0, w])
        out[1, w] = params[1] * (max(x[1, w], 0.0) - params[2])


@compiled
def hvp_heston(x, v, params, data0, data1, out):
    """The same, linear in v."""
    for w in range(x.shape[1]):
        out[0, w] = -(params[0] * v[0, w])
        out[1, w] = params[1] * v[1, w] if x[1, w] > 0.0 else 0.0


@compiled
def factor_heston(x, dw, params, data0, data1, out):
    """(S √v⁺ w₁, σ √v⁺ (ρ w₁ + √(1 − ρ²) w₂))."""
    for w in range(x.shape[1]):
        root = max(x[1, w], 0.0) ** 0.5
        out[0, w] = x[0, w] * root * dw[0, w]
        out[1, w] = params[4] * dw[0, w]
    # Apart from the loop above: of a sum of two products a compiler may round either one.
    for w in range(x.shape[1]):
        out[1, w] += params[5] * dw[1, w]
    for w in range(x.shape[1]):
        out[1, w] *= params[3] * max(x[1, w], 0.0) ** 0.5
