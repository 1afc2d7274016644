# mypy: disable-error-code="misc,call-arg,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
# mypy: disable-error-code="name-defined"
# ruff: noqa: F821
"""Watching walls within the steps of a block: exits, their times and their states.

This file is not imported: `codegen` puts the walls of the regions before it (``nearest``, ``gap`` and
``normal``, each with the number of the kind of region first). Between two steps the path is taken for

- STEPS: nothing; a state outside is an exit at the end of its step (the walls may have been moved in);
- SMOOTH: a straight line;
- BRIDGE, VARYING: a Brownian bridge from x₀ to x₁, s² the variance of the step along the normal of the wall,
  the same everywhere or taken at x₀. It meets the wall at the distances g₀, g₁ > 0 with probability
  exp(−2 g₀g₁/s²), and first at the share τ of the step, τ/(1 − τ) being inverse Gaussian with mean g₀/|g₁|
  and shape (g₀/s)², wherever it ends (A. Borodin & P. Salminen, Handbook of Brownian Motion, §IV.26, by the
  inversion of time).

``numbers`` (E, 12) holds for each event the columns below, which point into ``values``: parameters, shifts
and inverses of the walls, variances and rates of the coordinates (Python's side: `kernel_arrays`). ``luck``
(E, 9, W) are rows of a block: uniforms of four steps, marks of lanes that may have left (−1), distances to
the nearest wall after even and odd steps, scratch, and 10³⁰⁰ where a lane is not watched any more. ``tags``
(E, 2): the four steps of which the uniforms are, and how many lanes are marked.

Uniforms of their own decide, at the words from 2³⁰ on of the documented layout, eight for each event, so that
the path keeps its bits: 0 whether (32 bits for each of four steps), 1 and 2 when, 3 and 4 on which branch, 5
and 6 the state.
"""

from sdesim.compiled.philox import box_muller, exp, uniforms
from sdesim.engine.events.watching import BRIDGE, SMOOTH, STEPS, VARYING
from sdesim.engine.kernels.block import RUNNING, STOPPED
from sdesim.engine.kernels.bridge import (
    INVERSE,
    KIND,
    METHOD,
    PARAMS,
    PARAMS_END,
    RATE,
    SHIFT,
    STOP,
    VARIANCE,
    WALLS,
    WORDS,
    draw_luck,
    hitting_share,
    scale_products,
    spread,
)

MARKS, NEAR, SCRATCH, IDLE = 4, 5, 7, 8
# 2 g₀g₁/s² beyond which no uniform of 32 bits lies below the probability.
REACH = 24.0


@compiled
def nearest_of(x, own, values, out):
    """Distances to the nearest wall of an event, in the units that its walls are given in."""
    walls = own[WALLS]
    nearest(
        own[KIND], x, values[own[PARAMS] : own[PARAMS_END]], values[own[SHIFT] : own[SHIFT] + walls],
        values[own[INVERSE] : own[INVERSE] + walls], out,
    )  # fmt: skip


@compiled_between
def begin_watch(x, code, exits, numbers, values, luck, tags, start):
    """The distances of all events at step ``start``, and no uniforms drawn yet."""
    for e in range(numbers.shape[0]):
        nearest_of(x, numbers[e], values, luck[e, NEAR + start % 2])
        tags[e, 0] = -1
        for w in range(code.shape[0]):
            luck[e, IDLE, w] = 0.0 if code[w] == RUNNING and exits[e, w] < 0 else 1e300


@compiled
def mark_likely(chance, idle, most, marks):
    """Mark by −1 the lanes that a bridge may have taken out, the others by 1; returns how many.

    It leaves with at most (number of walls) e^{−q}, q twice the product of the least distances in units of s,
    given in marks, and e^{−q} ≤ 1/(1 + q + q²/2 + q³/6 + q⁴/24): a comparison that is vectorised. A little
    more than needed is marked: the last bits of q depend on how a loop is split, and `find_exit` decides.
    """
    count = 0
    for w in range(marks.shape[0]):
        q = 0.0 if marks[w] < 0.0 else marks[w]
        bound = 1.0 + q * (1.0 + q * (0.5 + q * (1.0 / 6.0 + q * (1.0 / 24.0))))
        close = chance[w] * bound + idle[w] < most * 1.000000001
        marks[w] = -1.0 if close else 1.0
        count += close
    return count


@compiled
def mark_outside(near, idle, marks):
    """Mark by −1 the lanes that are outside; returns how many."""
    count = 0
    for w in range(near.shape[0]):
        count += near[w] + idle[w] < 0.0
    if count > 0:
        for w in range(near.shape[0]):
            marks[w] = near[w] + idle[w]
    return count


@compiled_between
def look_for(x, before, numbers, values, luck, tags, seed, first, step):
    """How many running lanes may have left in the step that began as number ``step``; each is marked."""
    width = x.shape[1]
    found = 0
    for e in range(numbers.shape[0]):
        own = numbers[e]
        near, marks, idle = luck[e, NEAR + 1 - step % 2], luck[e, MARKS], luck[e, IDLE]
        nearest_of(x, own, values, near)
        if own[METHOD] < BRIDGE:
            close = mark_outside(near, idle, marks)
        else:
            last = luck[e, NEAR + step % 2]
            for w in range(width):
                marks[w] = 2.0 * (last[w] * near[w])
            if own[METHOD] == VARYING:
                scale_products(before, own, values, marks, luck[e, SCRATCH])
            close = 0
            for w in range(width):
                close += marks[w] + idle[w] < REACH
            if close > 0:
                draw_luck(luck, tags, seed, first, e, step)
                close = mark_likely(luck[e, step % 4], idle, float(own[WALLS]), marks)
        tags[e, 1] = close
        found += close
    return found


@compiled_between
def find_exit(x, before, w, e, numbers, values, root, chance, seed, number, step, work):
    """(τ, wall) at which a lane leaves event e within a step; wall −1 where it does not."""
    own = numbers[e]
    method, kind = own[METHOD], own[KIND]
    p = values[own[PARAMS] : own[PARAMS_END]]
    first, wall, used, least = 2.0, -1, 0.0, 0.0
    for k in range(own[WALLS]):
        ahead = gap(kind, x, w, k, p) - values[own[SHIFT] + k]
        if method == STEPS:
            if ahead < least:
                first, wall, least = 1.0, k, ahead
            continue
        behind = gap(kind, before, w, k, p)
        if method == SMOOTH:
            share = behind / (behind - ahead) if ahead < 0.0 else 2.0
            if share < first:
                first, wall = share, k
            continue
        unit = values[own[INVERSE] + k]
        if method == VARYING:
            normal(kind, before, w, k, p, work[0])
            unit = 1.0 / np.sqrt(spread(work[0], before, w, own, values, root, work[1]) + 1e-300)
        c, away = behind * unit, ahead * unit
        hit = ahead < 0.0
        if not hit:
            likely = exp(-min(2.0 * c * away, 700.0))
            hit = used <= chance < used + likely
            used += likely
        if hit:
            share = hitting_share(c, abs(away), seed, number, step, e, k)
            if share < first:
                first, wall = share, k
    return first, wall


@compiled_between
def exit_state(x, before, w, e, wall, share, numbers, values, root, seed, number, step, work, out):
    """out (d, 1): the state at the share of a step: x₁; on the line; or of the bridge, put onto the wall."""
    own = numbers[e]
    d = x.shape[0]
    if own[METHOD] == STEPS:
        for k in range(d):
            out[k, 0] = x[k, w]
        return
    for k in range(d):
        out[k, 0] = before[k, w] + share * (x[k, w] - before[k, w])
    if own[METHOD] == SMOOTH:
        return
    size = np.sqrt(max(share * (1.0 - share), 0.0))
    word, place, pair = np.uint64(WORDS + 8 * e + 5 + step % 2), np.uint64(number), np.uint64(step // 2)
    for k in range(d):
        u, v = uniforms(seed, np.uint64(0), place, pair, np.uint64(k), word)
        z, other = box_muller(u, v)
        part = values[own[RATE] + k] * (before[k, w] * before[k, w])
        part += 0.0 if root.shape[0] > 0 else values[own[VARIANCE] + k]
        out[k, 0] += size * (np.sqrt(part) * z)
        for j in range(root.shape[0]):
            out[j, 0] += size * (root[j, k] * other)
    p = values[own[PARAMS] : own[PARAMS_END]]
    # Along C n: what of the other coordinates goes with the one across the wall. More than once if it bends.
    for _ in range(3):
        left = gap(own[KIND], out, 0, wall, p)
        normal(own[KIND], out, 0, wall, p, work[0])
        across = spread(work[0], before, w, own, values, root, work[1])
        for k in range(d):
            out[k, 0] += left * (work[1, k] / across if across > 0.0 else work[0, k])


@compiled_between
def note_exits(x, before, held, code, stopped, records, numbers, values, root, luck, tags, seed, first, step):
    """Record the exits of a step among the marked lanes; returns how many lanes newly stopped.

    Where an exit stops the trajectory, what came after it in the same step has not been.
    """
    exits, shares, sides, states = records
    d, width = x.shape
    out, work = np.empty((d, 1)), np.empty((2, d))
    events = numbers.shape[0]
    newly = 0
    for w in range(width):
        end = 2.0
        found = 0
        for e in range(events):
            if tags[e, 1] > 0 and luck[e, MARKS, w] < 0.0 and exits[e, w] < 0 and code[w] == RUNNING:
                share, wall = find_exit(
                    x, before, w, e, numbers, values, root, luck[e, step % 4, w], seed, first + w, step, work
                )
                if wall >= 0:
                    exits[e, w], shares[e, w], sides[e, w] = step + 1, share, wall
                    found += 1
                    if numbers[e, STOP] > 0 and share < end:
                        end = share
        if found == 0:
            continue
        halts = False
        for e in range(events):
            if exits[e, w] != step + 1:
                continue
            if shares[e, w] > end:
                exits[e, w], shares[e, w], sides[e, w] = -1, 1.0, -1
                continue
            exit_state(
                x, before, w, e, sides[e, w], shares[e, w], numbers, values, root, seed, first + w, step,
                work, out,
            )  # fmt: skip
            for k in range(d):
                states[e, k, w] = out[k, 0]
            luck[e, IDLE, w] = 1e300
            if numbers[e, STOP] > 0 and not halts:
                halts = True
                for k in range(d):
                    held[k, w] = out[k, 0]
        if halts:
            code[w], stopped[w] = STOPPED, step + 1
            newly += 1
            for k in range(d):
                x[k, w] = held[k, w]
            for e in range(events):
                luck[e, IDLE, w] = 1e300
    return newly
