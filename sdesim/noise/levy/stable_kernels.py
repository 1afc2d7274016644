# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
"""Compiled fill functions of α-stable noise; the signature is that of `fill_kernels`."""

from __future__ import annotations

import math

import numpy as np

from sdesim.compiled.jit import compiled
from sdesim.compiled.philox import box_muller, normals, uniforms
from sdesim.noise.fill_kernels import fill_normals, fill_uniforms
from sdesim.stable.sampling.cms import mixing_radius, skewed, standard, symmetric

# A redraw that has failed this often is clipped instead; kernels refuse truncations that make it likely.
MOST_ATTEMPTS = 10_000


@compiled
def fill_standard(seed, stream, first, pair, step, params, scratch, spare):
    """Standard S0 draws of step 2·pair + step into the scratch block; spare is overwritten."""
    alpha, beta, t_epsilon, kappa = params[0], params[1], params[2], params[3]
    fill_uniforms(seed, stream, first, pair, step, scratch.shape[0], scratch, spare)
    flat, other = scratch.reshape(scratch.size), spare.reshape(spare.size)
    # Two loops rather than a branch inside one: the branch would keep it from being vectorised.
    if beta == 0.0:
        for j in range(flat.size):
            flat[j] = symmetric(flat[j], other[j], alpha)
    else:
        for j in range(flat.size):
            flat[j] = skewed(flat[j], other[j], alpha, beta, t_epsilon, kappa)


# Layout of params for the stable noises: the header below, then scale (d,), then shift (d,).
ALPHA, BETA, T_EPSILON, KAPPA, TRUNCATION, REJECT, TEMPERING, HEADER = 0, 1, 2, 3, 4, 5, 6, 7
# First words of the uniforms that accept a radius, and of normals that are drawn again.
ACCEPTANCE, NORMALS = 2**20, 2**21


@compiled
def redrawn(seed, stream, trajectory, pair, coordinate, step, params, rows):
    """The first draw of the rejection sequence that lies within the truncation (attempt 0 did not)."""
    scale = params[HEADER + coordinate]
    shift = params[HEADER + rows + coordinate]
    limit = params[TRUNCATION]
    for attempt in range(1, MOST_ATTEMPTS):
        u, v = uniforms(
            seed,
            np.uint64(stream),
            np.uint64(trajectory),
            np.uint64(pair),
            np.uint64(coordinate),
            np.uint64(step + 2 * attempt),
        )
        value = scale * standard(u, v, params[ALPHA], params[BETA], params[T_EPSILON], params[KAPPA]) + shift
        if abs(value) <= limit:
            return value
    return min(max(value, -limit), limit)


@compiled
def add_clipped(params, header, limit, scratch, out):
    """out += scale · scratch + shift, clipped; scale (d,) and shift (d,) follow the header of params."""
    rows, width = out.shape
    if width == 1:
        for i in range(rows):
            value = params[header + i] * scratch[i, 0] + params[header + rows + i]
            out[i, 0] += min(max(value, -limit), limit)
    else:
        for i in range(rows):
            scale = params[header + i]
            shift = params[header + rows + i]
            for w in range(width):
                value = scale * scratch[i, w] + shift
                out[i, w] += min(max(value, -limit), limit)


@compiled
def add_stable(seed, stream, first, pair, step, params, scratch, spare, out):
    """Independent stable increments of one step, truncated, into out."""
    rows, width = out.shape
    fill_standard(seed, stream, first, pair, step, params, scratch, spare)
    limit = params[TRUNCATION]
    if params[REJECT] == 0.0:
        add_clipped(params, HEADER, limit, scratch, out)
    else:
        for i in range(rows):
            for w in range(width):
                value = params[HEADER + i] * scratch[i, w] + params[HEADER + rows + i]
                if not abs(value) <= limit:
                    value = redrawn(seed, stream, first + w, pair, i, step, params, rows)
                out[i, w] += value


@compiled
def stable_independent(seed, stream, first, pair, params, data, out0, out1, scratch0, scratch1):
    """Independent coordinates; the scale is σ_i dt^{1/α}, the shift turns S0 into S1."""
    add_stable(seed, stream, first, pair, 0, params, scratch0, scratch1, out0)
    add_stable(seed, stream, first, pair, 1, params, scratch0, scratch1, out1)


@compiled
def stable_isotropic(seed, stream, first, pair, params, data, out0, out1, scratch0, scratch1):
    """√(2A) G: one mixing radius for each trajectory and step (words 1 and 2), normals as everywhere."""
    rows, width = out0.shape
    alpha = params[ALPHA]
    for w in range(width):
        trajectory = np.uint64(first + w)
        scratch0[0, w] = mixing_radius(
            seed, np.uint64(stream), trajectory, np.uint64(pair), np.uint64(1), alpha
        )
        scratch1[0, w] = mixing_radius(
            seed, np.uint64(stream), trajectory, np.uint64(pair), np.uint64(2), alpha
        )
    if width == 1:
        radius0, radius1 = scratch0[0, 0], scratch1[0, 0]
        for i in range(rows):
            z0, z1 = normals(seed, np.uint64(stream), np.uint64(first), np.uint64(pair), np.uint64(i))
            out0[i, 0] += (params[HEADER + i] * radius0) * z0
            out1[i, 0] += (params[HEADER + i] * radius1) * z1
    else:
        for i in range(rows):
            scale = params[HEADER + i]
            for w in range(width):
                z0, z1 = normals(seed, np.uint64(stream), np.uint64(first + w), np.uint64(pair), np.uint64(i))
                out0[i, w] += (scale * scratch0[0, w]) * z0
                out1[i, w] += (scale * scratch1[0, w]) * z1


@compiled
def tempered_radius(seed, stream, trajectory, pair, step, start, params):
    """(√(2A), the number of the next draw): A tempered by rejection, from draw number start on."""
    tempering = params[TEMPERING]
    radius = 0.0
    for draw in range(start, MOST_ATTEMPTS):
        word = np.uint64(1 + step + 2 * draw)
        radius = mixing_radius(
            seed, np.uint64(stream), np.uint64(trajectory), np.uint64(pair), word, params[ALPHA]
        )
        if tempering == 0.0:
            return radius, draw + 1
        u, _ = uniforms(
            seed,
            np.uint64(stream),
            np.uint64(trajectory),
            np.uint64(pair),
            np.uint64(0),
            np.uint64(ACCEPTANCE) + word,
        )
        if u < math.exp(-tempering * 0.5 * radius * radius):
            return radius, draw + 1
    return radius, MOST_ATTEMPTS


@compiled
def redraw_normals(seed, stream, trajectory, pair, word, w, scratch):
    """New standard normals into one column."""
    for i in range(scratch.shape[0]):
        u, v = uniforms(
            seed, np.uint64(stream), np.uint64(trajectory), np.uint64(pair), np.uint64(i), np.uint64(word)
        )
        scratch[i, w] = box_muller(u, v)[0]


@compiled
def add_limited(seed, stream, first, pair, step, params, scratch, out):
    """Isotropic increments of one step, tempered, with a Euclidean norm of at most the truncation."""
    rows, width = out.shape
    limit = params[TRUNCATION]
    for w in range(width):
        draw = 0
        factor = 0.0
        for attempt in range(MOST_ATTEMPTS):
            if attempt > 0:
                redraw_normals(seed, stream, first + w, pair, NORMALS + step + 2 * attempt, w, scratch)
            square = 0.0
            for i in range(rows):
                value = params[HEADER + i] * scratch[i, w]
                square += value * value
            length = math.sqrt(square)
            radius, draw = tempered_radius(seed, stream, first + w, pair, step, draw, params)
            factor = radius if radius * length <= limit else limit / length
            if radius * length <= limit or params[REJECT] == 0.0 or draw >= MOST_ATTEMPTS:
                break
        for i in range(rows):
            out[i, w] += (params[HEADER + i] * scratch[i, w]) * factor


@compiled
def stable_isotropic_limited(seed, stream, first, pair, params, data, out0, out1, scratch0, scratch1):
    """As `stable_isotropic`, tempered or with the norm of each step's increment limited."""
    fill_normals(seed, stream, first, pair, out0.shape[0], scratch0, scratch1)
    add_limited(seed, stream, first, pair, 0, params, scratch0, out0)
    add_limited(seed, stream, first, pair, 1, params, scratch1, out1)
