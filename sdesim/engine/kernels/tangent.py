# mypy: disable-error-code="no-untyped-def,no-untyped-call,name-defined"
# ruff: noqa: F821
"""Steps that carry a tangent vector along: u ← u − n, n = dt H u − u∘ΔM − Σ_i w_i H_i u, before θ moves.

Like the schemes' steps these are sources, put into the module of a combination by `codegen`, where
``own_step`` is the step of the scheme, and ``push_all`` is `push_weighted` with minibatch noise, else
`push`. The rows of v are the scheme's own second state, the tangent of all states, and one count.
"""

from __future__ import annotations

# Work arrays of the functions below.
SCRATCH = 5
# Step of the central difference along a vector of unit length, relative to the size of θ.
NEAR = 2.0**-17


def push(x, u, m, w, surface, dt, work):
    """work[0] = dt H u − u∘ΔM."""
    n = work[0]
    hvp(x, u, surface[0], surface[1], surface[2], n)
    for k in range(n.shape[0]):
        for lane in range(n.shape[1]):
            n[k, lane] *= dt
    # Apart from the loop above: of a sum of two products a compiler may round either one.
    for k in range(m.shape[0]):
        for lane in range(m.shape[1]):
            n[k, lane] -= u[k, lane] * m[k, lane]


def push_weighted(x, u, m, w, surface, dt, work):
    """The same, and −Σ_i w_i H_i u as a central difference of Σ_i w_i ∇ℓ_i: its error is about 1e-10 |u|."""
    n, there, ahead, behind, size = work[0], work[1], work[2], work[3], work[4]
    d, width = x.shape
    push(x, u, m, w, surface, dt, work)
    for lane in range(width):
        size[0, lane] = 0.0
        there[0, lane] = 0.0
    for k in range(d):
        for lane in range(width):
            size[0, lane] += x[k, lane] * x[k, lane]
            there[0, lane] += u[k, lane] * u[k, lane]
    for lane in range(width):
        size[0, lane] = NEAR * np.sqrt(1.0 + size[0, lane] / d) / np.sqrt(there[0, lane])
    for k in range(d):
        for lane in range(width):
            there[k, lane] = x[k, lane] + size[0, lane] * u[k, lane]
    weighted_grad(there, w, surface[0], surface[1], surface[2], ahead)
    for k in range(d):
        for lane in range(width):
            there[k, lane] = x[k, lane] - size[0, lane] * u[k, lane]
    weighted_grad(there, w, surface[0], surface[1], surface[2], behind)
    for k in range(d):
        for lane in range(width):
            n[k, lane] -= (ahead[k, lane] - behind[k, lane]) / (2.0 * size[0, lane])


def rescale(tangent, count, square):
    """Keep the length of each lane within 2^±100; square: a row of scratch."""
    for lane in range(square.shape[0]):
        square[lane] = 0.0
    for k in range(tangent.shape[0]):
        for lane in range(tangent.shape[1]):
            square[lane] += tangent[k, lane] * tangent[k, lane]
    for lane in range(square.shape[0]):
        power = 0.0
        if square[lane] > 2.0**200:
            power = 100.0
        elif 0.0 < square[lane] < 2.0**-200:
            power = -100.0
        if power != 0.0:
            factor = 2.0**-power
            count[lane] += power
            for k in range(tangent.shape[0]):
                tangent[k, lane] *= factor


def step_tangent(x, v, i, j, m, w, surface, p, rate, dt, work):
    """Of Euler–Maruyama: u ← u − n."""
    d = x.shape[0]
    u = v[:d]
    push_all(x, u, m, w, surface, dt, work)
    for k in range(d):
        for lane in range(x.shape[1]):
            u[k, lane] -= work[0][k, lane]
    rescale(u, v[d], work[0][0])
    own_step(x, v[:0], i, j, m, w, surface, p, rate, dt, work)


def step_tangent_momentum(x, v, i, j, m, w, surface, p, rate, dt, work):
    """Of heavy ball, with the tangent (u, q): q ← β q + γ,  u ← u − dt q, or − dt (γ + β q), γ = n/dt."""
    d = x.shape[0]
    u, q = v[d : 2 * d], v[2 * d : 3 * d]
    push_all(x, u, m, w, surface, dt, work)
    for k in range(d):
        for lane in range(x.shape[1]):
            gradient = work[0][k, lane] / dt
            before = q[k, lane]
            after = gradient + p[0] * before
            q[k, lane] = after
            u[k, lane] -= dt * (gradient + p[0] * (after if p[1] != 0.0 else before))
    rescale(v[d : 3 * d], v[3 * d], work[0][0])
    own_step(x, v[:d], i, j, m, w, surface, p, rate, dt, work)
