"""Compiled Hessian-vector products, per-example gradients and outputs of a fully connected network.

The Hessian-vector product is Pearlmutter's R-operator ("Fast exact multiplication by the Hessian", Neural
Computation 6, 1994): with R{·} the derivative along v = (V_l, c_l),

    R{z_l} = V_l a_{l−1} + W_l R{a_{l−1}} + c_l          R{a_l} = f′(z_l) R{z_l}
    δ_{l−1} = f′ ∘ W_lᵀδ_l
    R{δ_{l−1}} = f″ R{z} ∘ W_lᵀδ_l + f′ ∘ (V_lᵀδ_l + W_lᵀR{δ_l})
    R{∂L/∂W_l} = R{δ_l} a_{l−1}ᵀ + δ_l R{a_{l−1}}ᵀ

It is exact and costs about two gradients. Layout and parameters as in `mlp_kernels`.
"""
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Any

import numpy as np

from sdesim.compiled.jit import compiled_apart
from sdesim.compiled.matrices import add_product, add_row_sums, transpose
from sdesim.surfaces.network.mlp_kernels import (
    CHUNK,
    CROSS_ENTROPY,
    _affine,
    _bend,
    _forward,
    _gather,
    _propagate,
    _residual,
    _softmax,
    _total_width,
    _view,
    _widest,
    _workspace,
)

# A surface's compiled functions are looked up in one module.
from sdesim.surfaces.network.mlp_kernels import grad as grad
from sdesim.surfaces.network.mlp_kernels import loss as loss
from sdesim.surfaces.network.mlp_kernels import weighted_grad as weighted_grad


@compiled_apart
def _forward_tangent(
    theta: Any, v: Any, params: Any, m: int, acts: Any, slopes: Any, r_acts: Any, r_pre: Any
) -> None:
    """Fill R{a} and R{z} after `_forward`; the input does not move, so its R{a} is 0."""
    layers = params.shape[0] - 3
    features = int(params[2])
    r_acts[: features * m] = 0.0
    offset, place = 0, 0
    for layer in range(layers):
        fan_in, fan_out = int(params[2 + layer]), int(params[3 + layer])
        size = fan_out * fan_in
        a, r_a = _view(acts, offset, fan_in, m), _view(r_acts, offset, fan_in, m)
        offset += fan_in * m
        r_z = _view(r_pre, offset, fan_out, m)
        _affine(_view(v, place, fan_out, fan_in), v[place + size : place + size + fan_out], a, r_z)
        if layer > 0:
            add_product(_view(theta, place, fan_out, fan_in), r_a, r_z)
        place += size + fan_out
        if layer < layers - 1:
            slope, r_next = _view(slopes, offset, fan_out, m), _view(r_acts, offset, fan_out, m)
            for j in range(fan_out):
                for i in range(m):
                    r_next[j, i] = slope[j, i] * r_z[j, i]


@compiled_apart
def _output_tangent(params: Any, output: Any, r_z: Any, scale: float, p: Any, r_delta: Any) -> None:
    """R{δ} at the output: (diag p − p pᵀ) R{z} of cross-entropy, 2 R{z} / outputs of mse; scaled."""
    rows, m = output.shape
    if int(params[1]) == CROSS_ENTROPY:
        _softmax(output, p, np.empty(m))
        for i in range(m):
            mean = 0.0
            for j in range(rows):
                mean += p[j, i] * r_z[j, i]
            for j in range(rows):
                r_delta[j, i] = scale * p[j, i] * (r_z[j, i] - mean)
    else:
        for j in range(rows):
            for i in range(m):
                r_delta[j, i] = scale * 2.0 * r_z[j, i] / rows


@compiled_apart
def _backward_tangent(
    theta: Any, v: Any, params: Any, m: int, work: Any, r_acts: Any, r_pre: Any, r_delta: Any, out: Any
) -> None:
    """out += R{gradient} of one chunk; ``slopes`` carries δ and ``r_delta`` R{δ} at the output on entry."""
    acts, pre, slopes, turned, square, _ = work
    code = int(params[0])
    layers = params.shape[0] - 3
    offset = (_total_width(params) - int(params[2 + layers])) * m
    place = theta.shape[0]
    delta, error = _view(slopes, offset, int(params[2 + layers]), m), r_delta
    back_flat, r_back_flat = np.empty(turned.shape[0]), np.empty(turned.shape[0])
    for layer in range(layers - 1, -1, -1):
        fan_in, fan_out = int(params[2 + layer]), int(params[3 + layer])
        offset -= fan_in * m
        place -= fan_out
        add_row_sums(error, out[place : place + fan_out])
        place -= fan_out * fan_in
        a, r_a = _view(acts, offset, fan_in, m), _view(r_acts, offset, fan_in, m)
        a_turned, block = _view(turned, 0, m, fan_in), _view(out, place, fan_out, fan_in)
        transpose(a, a_turned)
        add_product(error, a_turned, block)
        if layer > 0:
            transpose(r_a, a_turned)
            add_product(delta, a_turned, block)
            weight = _view(theta, place, fan_out, fan_in)
            back, r_back = _view(back_flat, 0, fan_in, m), _view(r_back_flat, 0, fan_in, m)
            _propagate(_view(v, place, fan_out, fan_in), delta, square, r_back)
            turned_weight = _view(square, 0, fan_in, fan_out)
            transpose(weight, turned_weight)
            add_product(turned_weight, error, r_back)
            _propagate(weight, delta, square, back)
            z, r_z, slope = (
                _view(pre, offset, fan_in, m),
                _view(r_pre, offset, fan_in, m),
                _view(slopes, offset, fan_in, m),
            )
            error = r_z
            for j in range(fan_in):
                for i in range(m):
                    bend = _bend(code, z[j, i], slope[j, i], a[j, i])
                    r_z[j, i] = bend * r_z[j, i] * back[j, i] + slope[j, i] * r_back[j, i]
                    slope[j, i] *= back[j, i]
            delta = slope


@compiled_apart
def _hvp_of_one(theta: Any, v: Any, params: Any, data0: Any, data1: Any, out: Any) -> None:
    """out (d,) = ∇²L(theta) v."""
    n = data0.shape[0]
    layers = params.shape[0] - 3
    features, outputs = int(params[2]), int(params[2 + layers])
    room = min(CHUNK, n)
    work = _workspace(params, room)
    acts, pre, slopes, turned, _, losses = work
    r_acts, r_pre, p_flat = np.empty(acts.shape[0]), np.empty(acts.shape[0]), np.empty(2 * outputs * room)
    index = np.arange(n)
    out[:] = 0.0
    for start in range(0, n, CHUNK):
        m = min(CHUNK, n - start)
        part = index[start:]
        _gather(part, data0, m, _view(acts, 0, features, m), _view(turned, 0, m, features))
        _forward(theta, params, m, acts, pre, slopes)
        _forward_tangent(theta, v, params, m, acts, slopes, r_acts, r_pre)
        offset = (_total_width(params) - outputs) * m
        output, delta = _view(pre, offset, outputs, m), _view(slopes, offset, outputs, m)
        _residual(params, output, part, data1, delta, losses)
        for j in range(outputs):
            for i in range(m):
                delta[j, i] /= n
        r_delta = _view(p_flat, outputs * m, outputs, m)
        r_z = _view(r_pre, offset, outputs, m)
        _output_tangent(params, output, r_z, 1.0 / n, _view(p_flat, 0, outputs, m), r_delta)
        _backward_tangent(theta, v, params, m, work, r_acts, r_pre, r_delta, out)


@compiled_apart
def hvp(x: Any, v: Any, params: Any, data0: Any, data1: Any, out: Any) -> None:
    """out[:, w] = ∇²L(x[:, w]) v[:, w]."""
    dim, lanes = x.shape
    theta, along, product = np.empty(dim), np.empty(dim), np.empty(dim)
    for lane in range(lanes):
        for k in range(dim):
            theta[k] = x[k, lane]
            along[k] = v[k, lane]
        _hvp_of_one(theta, along, params, data0, data1, product)
        for k in range(dim):
            out[k, lane] = product[k]


@compiled_apart
def example_gradients(theta: Any, index: Any, params: Any, data0: Any, data1: Any, out: Any) -> None:
    """out (k, d): row r is ∇ℓ_{index[r]}(theta), layer by layer the outer product δ aᵀ."""
    layers = params.shape[0] - 3
    features, outputs = int(params[2]), int(params[2 + layers])
    count = index.shape[0]
    acts, pre, slopes, turned, square, losses = _workspace(params, min(CHUNK, count))
    back_flat = np.empty(_widest(params) * min(CHUNK, count))
    for start in range(0, count, CHUNK):
        m = min(CHUNK, count - start)
        part = index[start:]
        _gather(part, data0, m, _view(acts, 0, features, m), _view(turned, 0, m, features))
        _forward(theta, params, m, acts, pre, slopes)
        offset = (_total_width(params) - outputs) * m
        delta = _view(slopes, offset, outputs, m)
        _residual(params, _view(pre, offset, outputs, m), part, data1, delta, losses)
        place = theta.shape[0]
        for layer in range(layers - 1, -1, -1):
            fan_in, fan_out = int(params[2 + layer]), int(params[3 + layer])
            offset -= fan_in * m
            size = fan_out * fan_in
            place -= fan_out + size
            a_turned = _view(turned, 0, m, fan_in)
            transpose(_view(acts, offset, fan_in, m), a_turned)
            for i in range(m):
                row = out[start + i]
                for j in range(fan_out):
                    scale = delta[j, i]
                    row[place + size + j] = scale
                    for k in range(fan_in):
                        row[place + j * fan_in + k] = scale * a_turned[i, k]
            if layer > 0:
                back, slope = _view(back_flat, 0, fan_in, m), _view(slopes, offset, fan_in, m)
                _propagate(_view(theta, place, fan_out, fan_in), delta, square, back)
                for j in range(fan_in):
                    for i in range(m):
                        slope[j, i] *= back[j, i]
                delta = slope


@compiled_apart
def outputs_of(theta: Any, params: Any, data0: Any, out: Any) -> None:
    """out (n, outputs) = the network's linear outputs."""
    n = data0.shape[0]
    outputs, features = int(params[params.shape[0] - 1]), int(params[2])
    acts, pre, slopes, turned, _, _ = _workspace(params, min(CHUNK, n))
    index = np.arange(n)
    for start in range(0, n, CHUNK):
        m = min(CHUNK, n - start)
        part = index[start:]
        _gather(part, data0, m, _view(acts, 0, features, m), _view(turned, 0, m, features))
        _forward(theta, params, m, acts, pre, slopes)
        offset = (_total_width(params) - outputs) * m
        transpose(_view(pre, offset, outputs, m), out[start : start + m])
