# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
"""What happens to the lanes of a block beside their steps: divergence, stopping, and saving.

Compiled once and not taken into the driver of each combination (`driver`), whose compilation they would make
twice as long; only the check of every step is.
"""

from __future__ import annotations

import numpy as np

from sdesim.compiled.jit import compiled, compiled_between
from sdesim.runs.schema import BLOW_UP

RUNNING, DIVERGED, STOPPED, UNSOLVED = 0, 1, 2, 3
# Saved points wait in a stage, so that they reach their rows many at a time: at most so many, and numbers.
STAGED, STAGE = 64, 2**17
# Words of the generator that are made at once where a block is one trajectory.
WORDS = 256


@compiled
def any_beyond(x, bound):
    """Whether |an entry| is not below the bound: of ∞, whether one is not finite; NaN is never below."""
    found = False
    for k in range(x.shape[0]):
        for w in range(x.shape[1]):
            found |= not abs(x[k, w]) < bound
    return found


@compiled_between
def count_lost(x):
    """How many entries have blown up."""
    count = 0
    for k in range(x.shape[0]):
        for w in range(x.shape[1]):
            count += not abs(x[k, w]) < BLOW_UP
    return count


@compiled_between
def make_stage(d, width, saves, directions, theta):
    """Where saved points wait: the state, its projections, its norm and loss, and the losses of a block."""
    room = max(1, min(STAGED, saves, STAGE // (d * width)))
    # A row a little longer than the block: rows a power of two apart would fight for the same cache lines.
    return (
        np.empty((room if theta else 0, d, width + 8)),
        np.empty((room, directions, width + 8)),
        np.empty((room, 2, width + 8)),
        np.empty(width),
    )


@compiled_between
def make_room(d, width, scratch, rows):
    """Work arrays of a step, increments of two steps of each sort, and scratch of the noises."""
    auxiliary, multiplicative, examples = rows[0], rows[1], rows[2]
    return (
        np.empty((scratch, d, width)),
        np.empty((2, d, width)),
        np.empty((2, auxiliary, width)),
        np.empty((2, multiplicative, width)),
        np.empty((2, examples, width)),
        (
            np.empty((d, width)),
            np.empty((d, width)),
            np.empty((examples, width)),
            np.empty((examples, width)),
        ),
    )


@compiled_between
def make_watch_room(d, width, events):
    """States before a step, and the rows of each event that `watch` describes."""
    return (
        np.empty((d if events > 0 else 0, width)),
        np.empty((events, 9, width)),
        np.empty((events, 2), np.int64),
    )


@compiled_between
def keep_tile(x, tile, at, row):
    """Put the state of a block into a tile (steps, d, rows), from a row on."""
    for k in range(x.shape[0]):
        for w in range(x.shape[1]):
            tile[at, k, row + w] = x[k, w]


@compiled_between
def keep_before(x, before):
    """The states before a step."""
    for k in range(x.shape[0]):
        for w in range(x.shape[1]):
            before[k, w] = x[k, w]


@compiled_between
def make_single_room(d, width, scratch, rows):
    """The same in float32 and for four steps, with what noises that are drawn in float64 need."""
    auxiliary, multiplicative, examples, doubles = rows
    return (
        np.empty((scratch, d, width), np.float32),
        np.empty((4, d, width), np.float32),
        np.empty((4, auxiliary, width), np.float32),
        np.empty((4, multiplicative, width), np.float32),
        np.empty((4, examples, width), np.float32),
        (
            np.empty((4, max(width, WORDS)), np.uint32),
            np.empty((doubles, width)),
            np.empty((doubles, width)),
            np.empty((doubles, width)),
            np.empty((doubles, width)),
        ),
    )


@compiled
def add_doubles(first, second, pair, out):
    """Increments of the two steps of a pair, drawn in float64, to those of their group."""
    for k in range(first.shape[0]):
        for w in range(first.shape[1]):
            out[2 * pair, k, w] += np.float32(first[k, w])
            out[2 * pair + 1, k, w] += np.float32(second[k, w])


@compiled_between
def count_ended(code):
    """How many lanes are lost (diverged, or not solved), and how many stopped."""
    diverged, halted = 0, 0
    for w in range(code.shape[0]):
        diverged += (code[w] == DIVERGED) | (code[w] == UNSOLVED)
        halted += code[w] == STOPPED
    return diverged, halted


@compiled_between
def past_centre(x, slope, centre, dt, turned):
    """turned (W,) = 1 where x − dt g lies beyond the centre along its own line: dt |g|² > g·(x − c) > 0."""
    for w in range(x.shape[1]):
        square, along = 0.0, 0.0
        for k in range(x.shape[0]):
            square += slope[k, w] * slope[k, w]
            along += slope[k, w] * (x[k, w] - centre[k])
        if along > 0.0 and not dt * square <= along:
            turned[w] = 1.0


@compiled_between
def turned_back(before, after, turned):
    """turned (W,) = 1 where the drift after a step, or a part of it, points back."""
    for w in range(turned.shape[0]):
        along, size = 0.0, 0.0
        for k in range(before.shape[0]):
            along += before[k, w] * after[k, w]
            size += abs(before[k, w])
        if size > 0.0 and not along >= 0.0:
            turned[w] = 1.0


@compiled
def any_running_beyond(x, code, bound):
    """`any_beyond` of the lanes that go on: what has blown up stays where it is."""
    found = False
    for k in range(x.shape[0]):
        for w in range(x.shape[1]):
            found |= (not abs(x[k, w]) < bound) & (code[w] == RUNNING)
    return found


@compiled_between
def running_beyond(x, code, bound):
    """Numbers of the lanes that go on and have an |entry| not below the bound."""
    found, count = np.empty(x.shape[1], dtype=np.int64), 0
    for w in range(x.shape[1]):
        far = False
        for k in range(x.shape[0]):
            far |= not abs(x[k, w]) < bound
        if far and code[w] == RUNNING:
            found[count] = w
            count += 1
    return found[:count]


@compiled_between
def of_lanes(x, lanes):
    """Their columns (d, n)."""
    out = np.empty((x.shape[0], lanes.shape[0]), dtype=x.dtype)
    for k in range(x.shape[0]):
        for n in range(lanes.shape[0]):
            out[k, n] = x[k, lanes[n]]
    return out


@compiled_between
def note_overshoots(turned, lanes, count):
    """Count the lanes that an explicit step throws across."""
    for n in range(lanes.shape[0]):
        if turned[n] != 0.0:
            count[lanes[n]] += 1


@compiled_between
def note_unsolved(unsolved, code, count, stopped, step):
    """Count the lanes whose step was not solved, and end them."""
    for w in range(code.shape[0]):
        if unsolved[w] != 0.0 and code[w] == RUNNING:
            count[w] += 1
            code[w] = UNSOLVED
            stopped[w] = step


@compiled_between
def isolate(x, code, stopped, step):
    """Mark newly diverged lanes; returns how many lanes are lost."""
    d, width = x.shape
    diverged = 0
    for w in range(width):
        if code[w] == RUNNING:
            for k in range(d):
                if not abs(x[k, w]) < BLOW_UP:
                    code[w] = DIVERGED
                    stopped[w] = step
        if code[w] == DIVERGED or code[w] == UNSOLVED:
            diverged += 1
            for k in range(d):
                x[k, w] = float("nan")
    return diverged


@compiled_between
def keep_stopped(x, held, code):
    """Put stopped lanes back to where they left."""
    for w in range(x.shape[1]):
        if code[w] == STOPPED:
            for k in range(x.shape[0]):
                x[k, w] = held[k, w]


@compiled_between
def stage_state(x, directions, stage, at):
    """Put the state of a block and its projections into row ``at`` of the stage."""
    theta, projection, _, _ = stage
    d, width = x.shape
    if theta.shape[0] > 0:
        for k in range(d):
            for w in range(width):
                theta[at, k, w] = x[k, w]
    for j in range(directions.shape[0]):
        for w in range(width):
            projection[at, j, w] = directions[j, 0] * x[0, w]
        for k in range(1, d):
            for w in range(width):
                projection[at, j, w] += directions[j, k] * x[k, w]


@compiled_between
def stage_norm(x, stage, at):
    """Put the norms of a block into row ``at`` of the stage."""
    norm = stage[2]
    d, width = x.shape
    for w in range(width):
        norm[at, 0, w] = np.float64(x[0, w]) * np.float64(x[0, w])
    for k in range(1, d):
        for w in range(width):
            norm[at, 0, w] += np.float64(x[k, w]) * np.float64(x[k, w])
    for w in range(width):
        norm[at, 0, w] = np.sqrt(norm[at, 0, w])


@compiled_between
def stage_loss(stage, at):
    """Put the losses of a block into row ``at`` of the stage."""
    values = stage[3]
    for w in range(values.shape[0]):
        stage[2][at, 1, w] = values[w]


@compiled_between
def unstage_rows(staged, out, count, row, column, width):
    """out[row + w, column + c, j] = staged[c, j, w]; the longer of the two inner loops is the innermost."""
    rows = out.shape[2]
    for w in range(width):
        if count > rows:
            for j in range(rows):
                for c in range(count):
                    out[row + w, column + c, j] = staged[c, j, w]
        else:
            for c in range(count):
                for j in range(rows):
                    out[row + w, column + c, j] = staged[c, j, w]


@compiled_between
def unstage(stage, outputs, count, row, column, width):
    """Move ``count`` staged points of a block to rows row … of the outputs (K, S, …), from ``column`` on."""
    theta, projection, norm, _ = stage
    out_theta, out_projection, out_norm, out_loss = outputs
    width = min(width, out_norm.shape[0] - row)
    norms = count if out_norm.shape[1] > 0 else 0
    losses = count if out_loss.shape[1] > 0 else 0
    for w in range(width):
        for c in range(norms):
            out_norm[row + w, column + c] = norm[c, 0, w]
        for c in range(losses):
            out_loss[row + w, column + c] = norm[c, 1, w]
    unstage_rows(projection, out_projection, count, row, column, width)
    if theta.shape[0] > 0:
        unstage_rows(theta, out_theta, count, row, column, width)
