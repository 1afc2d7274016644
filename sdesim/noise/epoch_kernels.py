# mypy: disable-error-code="misc,call-arg,var-annotated,no-any-return,no-untyped-def,no-untyped-call"
# mypy: disable-error-code="untyped-decorator"
"""Compiled steps of sampling without replacement: weights of the examples, and shuffles of an epoch."""

from __future__ import annotations

import numpy as np

from sdesim.compiled.elementary import fma
from sdesim.compiled.jit import compiled, compiled_entry
from sdesim.compiled.philox import uniforms
from sdesim.noise.kernel import GROUP
from sdesim.noise.path_kernels import two_normals


@compiled
def epoch_step(normals, size, left, spread, scale, owed, out, w):
    """out[:, w] = scale · y, y_i = owed_i/left + spread (z_i − z̄), and owed_i ← owed_i − size · y_i."""
    rows, total = normals.shape[0], 0.0
    for i in range(rows):
        total += normals[i]
    mean = total / rows
    for i in range(rows):
        y = fma(spread, normals[i] - mean, owed[i, w] / left)
        owed[i, w] = fma(-size, y, owed[i, w])
        out[i, w] = scale * y


@compiled_entry
def gaussian_epochs(seed, stream, first, begin, end, sizes, left, spread, fresh, scale, owed, out):
    """Steps begin … end − 1 of the Gaussian of equal covariance, into out (n, rows, K).

    ``sizes``, ``left``, ``spread`` and ``fresh`` (end − begin,) are of each step: the size of its batch, how
    many examples were not yet seen, the spread of its own part, and whether it begins an epoch; owed
    (rows, K) is what the rest of the epoch must make up for. Row 0 of out is of the first step of the group
    that ``begin`` is in.
    """
    rows, count = owed.shape
    base = begin - begin % GROUP
    even, odd = np.empty(rows), np.empty(rows)
    for w in range(count):
        for pair in range(begin // 2, (end + 1) // 2):
            for i in range(rows):
                even[i], odd[i] = two_normals(seed, stream, first + w, pair, i, 0)
            for half in range(2):
                step = 2 * pair + half
                if begin <= step < end:
                    k = step - begin
                    if fresh[k]:
                        for i in range(rows):
                            owed[i, w] = 0.0
                    normals = even if half == 0 else odd
                    epoch_step(normals, sizes[k], left[k], spread[k], scale, owed, out[step - base], w)


@compiled
def shuffle(seed, stream, trajectory, epoch, word, order):
    """A uniform permutation of the numbers below n into order (n,): each swaps with one at or before it."""
    for i in range(order.shape[0]):
        order[i] = i
    for i in range(order.shape[0] - 1, 0, -1):
        u, _ = uniforms(
            seed,
            np.uint64(stream),
            np.uint64(trajectory),
            np.uint64(epoch),
            np.uint64(i),
            np.uint64(word),
        )
        # u (i + 1) may round up to i + 1.
        j = min(int(u * (i + 1)), i)
        order[i], order[j] = order[j], order[i]


@compiled_entry
def shuffled_orders(seed, stream, first, epoch, word, orders):
    """The order of an epoch of the trajectories first, first + 1, …: into orders (K, n)."""
    for w in range(orders.shape[0]):
        shuffle(seed, stream, first + w, epoch, word, orders[w])


@compiled_entry
def batch_epochs(seed, stream, first, begin, end, epochs, starts, sizes, scale, out):
    """Weights scale (count_i/b − 1/n) of the batches of shuffled epochs, into out (n, rows, K).

    ``epochs``, ``starts`` and ``sizes`` (end − begin,) are of each step: the number of its epoch, where in it
    its batch begins, and the batch's size b.
    """
    rows, count = out.shape[1:]
    base = begin - begin % GROUP
    order = np.empty(rows, dtype=np.int64)
    for w in range(count):
        epoch = -1
        for step in range(begin, end):
            k = step - begin
            if epochs[k] != epoch:
                epoch = epochs[k]
                shuffle(seed, stream, first + w, epoch, 0, order)
            for i in range(rows):
                out[step - base, i, w] = -scale / rows
            for place in range(starts[k], starts[k] + sizes[k]):
                out[step - base, order[place], w] += scale / sizes[k]
