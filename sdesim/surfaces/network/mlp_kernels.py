"""Compiled forward and backward passes of a fully connected network.

θ holds W₁ (out, in) row-major, b₁, W₂, b₂, …; layer l computes z_l = W_l a_{l−1} + b_l and a_l = f(z_l), the
last one stays linear. Examples are taken ``CHUNK`` at a time and stored (width, examples), so that every
inner loop runs along contiguous memory and vectorises; each sum has one fixed order. No BLAS: its last bits
depend on the shapes.

``params`` is [activation code, loss code, width₀, …, width_L]; ``data0`` is x (n, width₀); ``data1`` is the
labels (n, 1) of cross-entropy or the targets (n, width_L) of mean squared error.
"""
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sdesim.compiled.elementary import exp, exp_parts
from sdesim.compiled.jit import compiled, compiled_apart
from sdesim.compiled.matrices import add_product, add_row_sums, transpose

TANH, RELU, GELU, QUADRATIC = 0, 1, 2, 3
MSE, CROSS_ENTROPY = 0, 1
CHUNK = 256
_SQRT_HALF = math.sqrt(0.5)
_INV_SQRT_2PI = 1.0 / math.sqrt(2.0 * math.pi)


@compiled
def _tanh(x: Any) -> Any:
    """tanh x = E/(E + 2), E = e^{2x} − 1 without cancellation; `math.tanh` keeps loops from vectorising."""
    y = 2.0 * x
    # Beyond 20 tanh is 1 in double precision; comparisons let a NaN through.
    if y > 40.0:
        y = 40.0
    if y < -40.0:
        y = -40.0
    power, r, ratio = exp_parts(y)
    growth = power * (r * ratio) + (power - 1.0)
    return growth / (growth + 2.0)


@compiled_apart
def _activate(code: int, z: Any, a: Any, slope: Any) -> None:
    """a = f(z) and slope = f′(z), elementwise on equal shapes."""
    rows, cols = z.shape
    for j in range(rows):
        if code == TANH:
            for i in range(cols):
                t = _tanh(z[j, i])
                a[j, i] = t
                slope[j, i] = 1.0 - t * t
        elif code == RELU:
            for i in range(cols):
                u = z[j, i]
                # A NaN must pass: "u > 0" alone would hide it.
                a[j, i] = 0.0 if u <= 0.0 else u
                slope[j, i] = 0.0 if u <= 0.0 else 1.0
        elif code == GELU:
            for i in range(cols):
                u = z[j, i]
                cumulative = 0.5 * (1.0 + math.erf(u * _SQRT_HALF))
                a[j, i] = u * cumulative
                slope[j, i] = cumulative + u * math.exp(-0.5 * u * u) * _INV_SQRT_2PI
        else:
            for i in range(cols):
                u = z[j, i]
                a[j, i] = u * u
                slope[j, i] = 2.0 * u


@compiled_apart
def _bend(code: int, z: float, slope: float, a: float) -> float:
    """f″(z) of the activation."""
    if code == TANH:
        return -2.0 * a * slope
    if code == RELU:
        return 0.0
    if code == GELU:
        return (2.0 - z * z) * math.exp(-0.5 * z * z) * _INV_SQRT_2PI
    return 2.0


@compiled_apart
def _view(flat: Any, offset: int, rows: int, cols: int) -> Any:
    """A (rows, cols) window on a flat buffer."""
    return flat[offset : offset + rows * cols].reshape(rows, cols)


@compiled_apart
def _gather(index: Any, data0: Any, m: int, wide: Any, tall: Any) -> Any:
    """Examples index[:m] as columns of wide (features, m) and rows of what is returned, (m, features).

    Where they stand side by side in the data, as in a full batch, the rows are those of the data itself;
    else they are copied into tall.
    """
    apart = 0
    for i in range(m):
        apart += index[i] != index[0] + i
    if apart == 0:
        rows = data0[index[0] : index[0] + m]
    else:
        for i in range(m):
            row = data0[index[i]]
            for k in range(data0.shape[1]):
                tall[i, k] = row[k]
        rows = tall
    transpose(rows, wide)
    return rows


@compiled_apart
def _affine(weight: Any, bias: Any, a: Any, z: Any) -> None:
    """z = weight a + bias."""
    rows, cols = z.shape
    for j in range(rows):
        start = bias[j]
        for i in range(cols):
            z[j, i] = start
    add_product(weight, a, z)


@compiled_apart
def _forward(theta: Any, params: Any, m: int, acts: Any, pre: Any, slopes: Any) -> None:
    """Fill activations, pre-activations and slopes of m examples whose input starts ``acts``.

    The buffers hold the layers one after another; ``pre`` and ``slopes`` use the same offsets as ``acts``,
    and the last layer's pre-activation (the output) is in ``pre``.
    """
    code = int(params[0])
    layers = params.shape[0] - 3
    offset, place = 0, 0
    for layer in range(layers):
        fan_in, fan_out = int(params[2 + layer]), int(params[3 + layer])
        weight = _view(theta, place, fan_out, fan_in)
        place += fan_out * fan_in
        a = _view(acts, offset, fan_in, m)
        offset += fan_in * m
        z = _view(pre, offset, fan_out, m)
        _affine(weight, theta[place : place + fan_out], a, z)
        place += fan_out
        if layer < layers - 1:
            _activate(code, z, _view(acts, offset, fan_out, m), _view(slopes, offset, fan_out, m))


@compiled_apart
def _softmax(output: Any, p: Any, log_norm: Any) -> None:
    """p = softmax of output along axis 0; log_norm (m,) = log Σ exp(output)."""
    rows, m = output.shape
    top, total = np.empty(m), np.zeros(m)
    for i in range(m):
        top[i] = output[0, i]
    for j in range(1, rows):
        for i in range(m):
            top[i] = output[j, i] if output[j, i] > top[i] else top[i]
    for j in range(rows):
        for i in range(m):
            # Below e^−700 nothing is left; a comparison lets a NaN through.
            lower = output[j, i] - top[i]
            p[j, i] = exp(-700.0 if lower < -700.0 else lower)
            total[i] += p[j, i]
    for i in range(m):
        log_norm[i] = top[i] + math.log(total[i])
        total[i] = 1.0 / total[i]
    for j in range(rows):
        for i in range(m):
            p[j, i] *= total[i]


@compiled_apart
def _residual(params: Any, output: Any, index: Any, data1: Any, delta: Any, losses: Any) -> None:
    """Per example: loss ℓ_i and δ = ∂ℓ_i/∂output."""
    rows, m = output.shape
    if int(params[1]) == CROSS_ENTROPY:
        _softmax(output, delta, losses)
        for i in range(m):
            label = int(data1[index[i], 0])
            losses[i] -= output[label, i]
            delta[label, i] -= 1.0
    else:
        for i in range(m):
            losses[i] = 0.0
            for j in range(rows):
                r = output[j, i] - data1[index[i], j]
                delta[j, i] = 2.0 * r / rows
                losses[i] += r * r / rows


@compiled_apart
def _total_width(params: Any) -> int:
    total = 0
    for k in range(2, params.shape[0]):
        total += int(params[k])
    return total


@compiled_apart
def _widest(params: Any) -> int:
    widest = 0
    for k in range(2, params.shape[0]):
        widest = max(widest, int(params[k]))
    return widest


@compiled_apart
def _propagate(weight: Any, delta: Any, scratch: Any, out: Any) -> None:
    """out = weightᵀ delta."""
    fan_out, fan_in = weight.shape
    turned = _view(scratch, 0, fan_in, fan_out)
    transpose(weight, turned)
    out[:, :] = 0.0
    add_product(turned, delta, out)


@compiled_apart
def _chunk_gradient(
    theta: Any, scale: Any, index: Any, m: int, params: Any, data0: Any, data1: Any, work: Any, out: Any
) -> None:
    """out += Σ_i scale[i] ∇ℓ_{index[i]}(θ) over one chunk of m examples."""
    acts, pre, slopes, turned, square, losses, rows = work
    layers = params.shape[0] - 3
    features, outputs = int(params[2]), int(params[2 + layers])
    examples = _gather(index, data0, m, _view(acts, 0, features, m), _view(rows, 0, m, features))
    _forward(theta, params, m, acts, pre, slopes)
    offset = (_total_width(params) - outputs) * m
    place = theta.shape[0]
    delta = _view(slopes, offset, outputs, m)
    _residual(params, _view(pre, offset, outputs, m), index, data1, delta, losses)
    for j in range(outputs):
        for i in range(m):
            delta[j, i] *= scale[i]
    for layer in range(layers - 1, -1, -1):
        fan_in, fan_out = int(params[2 + layer]), int(params[3 + layer])
        offset -= fan_in * m
        place -= fan_out
        add_row_sums(delta, out[place : place + fan_out])
        place -= fan_out * fan_in
        a_turned = examples
        if layer > 0:
            a_turned = _view(turned, 0, m, fan_in)
            transpose(_view(acts, offset, fan_in, m), a_turned)
        add_product(delta, a_turned, _view(out, place, fan_out, fan_in))
        if layer > 0:
            # The activations of this layer are used up, so their room takes the back-propagated error.
            back = _view(acts, offset, fan_in, m)
            _propagate(_view(theta, place, fan_out, fan_in), delta, square, back)
            slope = _view(slopes, offset, fan_in, m)
            for j in range(fan_in):
                for i in range(m):
                    slope[j, i] *= back[j, i]
            delta = slope


@compiled_apart
def _aligned(size: int) -> Any:
    """An uninitialised buffer that begins at a cache line, so that no vector in it lies across two."""
    buffer = np.empty(size + 8)
    skip = ((64 - buffer.ctypes.data % 64) % 64) // 8
    return buffer[skip : skip + size]


@compiled_apart
def _workspace(params: Any, m: int) -> Any:
    """Buffers of `_chunk_gradient` for chunks of up to m examples."""
    total, widest = _total_width(params), _widest(params)
    return (
        _aligned(total * m),
        _aligned(total * m),
        _aligned(total * m),
        _aligned(widest * m),
        _aligned(widest * widest),
        _aligned(m),
    )


@compiled_apart
def weighted_grad(x: Any, weights: Any, params: Any, data0: Any, data1: Any, out: Any) -> None:
    """out[:, w] = Σ_i weights[i, w] ∇ℓ_i(x[:, w]); examples of weight 0 cost nothing."""
    n = data0.shape[0]
    dim, lanes = x.shape
    theta, total = np.empty(dim), _aligned(dim)
    for lane in range(lanes):
        index, scale = np.empty(n, np.int64), np.empty(n)
        active = 0
        for i in range(n):
            if weights[i, lane] != 0.0:
                index[active] = i
                scale[active] = weights[i, lane]
                active += 1
        for k in range(dim):
            theta[k] = x[k, lane]
            total[k] = 0.0
        room = min(CHUNK, active)
        work = (*_workspace(params, room), _aligned(int(params[2]) * room))
        for start in range(0, active, CHUNK):
            m = min(CHUNK, active - start)
            _chunk_gradient(theta, scale[start:], index[start:], m, params, data0, data1, work, total)
        for k in range(dim):
            out[k, lane] = total[k]


@compiled_apart
def grad(x: Any, params: Any, data0: Any, data1: Any, out: Any) -> None:
    """out = ∇L(x), L the mean of the examples' losses."""
    n = data0.shape[0]
    weighted_grad(x, np.full((n, x.shape[1]), 1.0 / n), params, data0, data1, out)


@compiled_apart
def loss(x: Any, params: Any, data0: Any, data1: Any, out_w: Any) -> None:
    """out_w = L(x)."""
    n = data0.shape[0]
    outputs = int(params[params.shape[0] - 1])
    features = int(params[2])
    acts, pre, slopes, turned, _, losses = _workspace(params, min(CHUNK, n))
    index = np.arange(n)
    theta = np.empty(x.shape[0])
    for lane in range(x.shape[1]):
        for k in range(x.shape[0]):
            theta[k] = x[k, lane]
        total = 0.0
        for start in range(0, n, CHUNK):
            m = min(CHUNK, n - start)
            part = index[start:]
            _gather(part, data0, m, _view(acts, 0, features, m), _view(turned, 0, m, features))
            _forward(theta, params, m, acts, pre, slopes)
            offset = (_total_width(params) - outputs) * m
            output, delta = _view(pre, offset, outputs, m), _view(slopes, offset, outputs, m)
            _residual(params, output, part, data1, delta, losses)
            for i in range(m):
                total += losses[i]
        out_w[lane] = total / n
