# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
"""Solving F(y) = y − c + dt ∇L(y) = 0 in all lanes of a block: what no surface and no noise changes.

Each function is compiled once and called by the step of an implicit scheme, which evaluates F and the
products J u between two of them. ``work`` holds blocks (d, W): the point c, the trial point y, r = F at the
state x, the direction s and scratch q, then a row of numbers for each lane, the state before the step, and
the room for the Jacobian or the basis of GMRES.

The bits of a lane may not depend on the lanes beside it: small systems are solved lane by lane, loops over
lanes add no two products (the compiler may fuse either one), and a lane that has arrived is left alone.
"""

from __future__ import annotations

import numpy as np

from sdesim.compiled.jit import compiled, compiled_apart, compiled_between

POINT, TRIAL, RESIDUAL, DIRECTION, SCRATCH = range(5)
# Rows of numbers: |F|² at the state and at the trial point, what is small enough, what the lane is at, which
# share of the direction is tried, 1/δ, whether it takes part in the round, how long it has been followed.
SIZE, NEXT, GOAL, MODE, FRACTION, SHIFT, LIVE, AGE, OLD, ROOM = range(5, 15)
FAILED, ARRIVED, NEWTON, FOLLOW, NEWTON_AGAIN, FOLLOW_AGAIN = -1.0, 0.0, 1.0, 2.0, 3.0, 4.0
HALVINGS = 40
# Rounds along dy/ds = −F before something else is tried.
_PATIENCE = 200.0


@compiled
def finite(value):
    """Whether a number is."""
    return value - value == 0.0


@compiled_between
def begin(x, n, tolerance, work):
    """c = x + n, from which the search starts; a lane that is not finite has no search."""
    c, old, goal, mode = work[POINT], work[OLD], work[GOAL, 0], work[MODE, 0]
    d, width = x.shape
    for lane in range(width):
        goal[lane] = 1.0
        mode[lane] = NEWTON
        work[SHIFT, 0, lane] = 0.0
        work[AGE, 0, lane] = 0.0
    for k in range(d):
        for lane in range(width):
            old[k, lane] = x[k, lane]
            x[k, lane] += n[k, lane]
            c[k, lane] = x[k, lane]
            goal[lane] += x[k, lane] * x[k, lane]
    for lane in range(width):
        if not finite(goal[lane]):
            mode[lane] = FAILED
            for k in range(d):
                if not finite(x[k, lane]):
                    # The increment or the state was not: the engine sees that by itself.
                    mode[lane] = ARRIVED
        goal[lane] *= tolerance * tolerance


@compiled_between
def square(block, out):
    """out (W,) = |block|², column by column."""
    for lane in range(block.shape[1]):
        out[lane] = 0.0
    for k in range(block.shape[0]):
        for lane in range(block.shape[1]):
            out[lane] += block[k, lane] * block[k, lane]


@compiled_between
def look(work):
    """Which lanes have arrived, are lost, or go on; returns how many go on."""
    size, goal, mode, live = work[SIZE, 0], work[GOAL, 0], work[MODE, 0], work[LIVE, 0]
    busy = 0
    for lane in range(mode.shape[0]):
        if mode[lane] > ARRIVED and size[lane] <= goal[lane]:
            mode[lane] = ARRIVED
        elif mode[lane] > ARRIVED and not finite(size[lane]):
            mode[lane] = FAILED
        live[lane] = 1.0 if mode[lane] > ARRIVED else 0.0
        work[FRACTION, 0, lane] = live[lane]
        busy += mode[lane] > ARRIVED
    return busy


@compiled_between
def unit(j, u):
    """u = the j-th unit vector in every lane."""
    for k in range(u.shape[0]):
        for lane in range(u.shape[1]):
            u[k, lane] = 1.0 if k == j else 0.0


@compiled_between
def shifted(u, dt, work, a):
    """a = (1 + 1/δ) u + dt a."""
    shift = work[SHIFT, 0]
    for k in range(u.shape[0]):
        for lane in range(u.shape[1]):
            a[k, lane] = (u[k, lane] + dt * a[k, lane]) + shift[lane] * u[k, lane]


@compiled_between
def eliminate(work):
    """s = −A⁻¹ r by elimination with partial pivoting, A[row, column] in work[ROOM + column, row]."""
    r, s, matrix, live = work[RESIDUAL], work[DIRECTION], work[ROOM:], work[LIVE, 0]
    for lane in range(live.shape[0]):
        for k in range(r.shape[0]):
            s[k, lane] = -r[k, lane]
        if live[lane] != 0.0 and not eliminate_lane(matrix, s, lane):
            for k in range(r.shape[0]):
                s[k, lane] = -r[k, lane]


@compiled_apart
def eliminate_lane(matrix, s, lane):
    """Solve A s = b in place, for b in s; False where A is singular or not finite."""
    d = s.shape[0]
    for k in range(d):
        best, at = abs(matrix[k, k, lane]), k
        for row in range(k + 1, d):
            if abs(matrix[k, row, lane]) > best:
                best, at = abs(matrix[k, row, lane]), row
        if not (best > 0.0 and finite(best)):
            return False
        if at != k:
            for column in range(k, d):
                other = matrix[column, at, lane]
                matrix[column, at, lane] = matrix[column, k, lane]
                matrix[column, k, lane] = other
            other = s[at, lane]
            s[at, lane] = s[k, lane]
            s[k, lane] = other
        for row in range(k + 1, d):
            factor = matrix[k, row, lane] / matrix[k, k, lane]
            for column in range(k + 1, d):
                matrix[column, row, lane] -= factor * matrix[column, k, lane]
            s[row, lane] -= factor * s[k, lane]
    for k in range(d - 1, -1, -1):
        for column in range(k + 1, d):
            s[k, lane] -= matrix[column, k, lane] * s[column, lane]
        s[k, lane] /= matrix[k, k, lane]
    return True


@compiled_between
def gmres_room(m, width):
    """Hessenberg matrix, column first, its rotations, the right side, what is small enough, lanes at work,
    and how many vectors each lane has used."""
    return (
        np.empty((m, m + 1, width)),
        np.empty((m, 2, width)),
        np.empty((m + 1, width)),
        np.empty(width),
        np.empty(width, dtype=np.bool_),
        np.empty(width, dtype=np.int64),
    )


@compiled_between
def gmres_start(work, gmres):
    """s = 0, and q = −r is still to be made up."""
    r, s, q = work[RESIDUAL], work[DIRECTION], work[SCRATCH]
    for lane in range(r.shape[1]):
        gmres[3][lane] = 1e-7 * work[SIZE, 0, lane] ** 0.5
        gmres[4][lane] = work[LIVE, 0, lane] != 0.0
    for k in range(r.shape[0]):
        for lane in range(r.shape[1]):
            s[k, lane] = 0.0
            q[k, lane] = -r[k, lane]


@compiled_between
def gmres_round(work, gmres):
    """The first vector of a basis: q, of length 1; returns how many lanes are at work."""
    q, first, rest, used = work[SCRATCH], work[ROOM], gmres[2][0], gmres[5]
    square(q, rest)
    busy = 0
    for lane in range(rest.shape[0]):
        rest[lane] = rest[lane] ** 0.5
        used[lane] = 0
        busy += gmres[4][lane]
    for k in range(q.shape[0]):
        for lane in range(q.shape[1]):
            first[k, lane] = q[k, lane] / rest[lane] if rest[lane] > 0.0 else 0.0
    return busy


@compiled_between
def gmres_next(work, gmres, j):
    """Vector j + 1 made orthogonal to those before; returns how many lanes are still at work."""
    h, turn, rest, least, at_work, used = gmres
    a = work[ROOM + j + 1]
    d, width = a.shape
    for i in range(j + 1):
        before = work[ROOM + i]
        for lane in range(width):
            h[j, i, lane] = 0.0
        for k in range(d):
            for lane in range(width):
                h[j, i, lane] += a[k, lane] * before[k, lane]
        for k in range(d):
            for lane in range(width):
                a[k, lane] -= h[j, i, lane] * before[k, lane]
    length = h[j, j + 1]
    square(a, length)
    for lane in range(width):
        length[lane] = length[lane] ** 0.5
    for k in range(d):
        for lane in range(width):
            a[k, lane] = a[k, lane] / length[lane] if length[lane] > 0.0 else 0.0
    busy = 0
    for lane in range(width):
        if at_work[lane]:
            used[lane] = j + 1
            # One that is not finite ends here too.
            at_work[lane] = rotate_lane(h, turn, rest, j, lane) > least[lane]
            busy += at_work[lane]
    return busy


@compiled_apart
def rotate_lane(h, turn, rest, j, lane):
    """Turn column j of a lane into that of a triangle; returns how much of the right side is left."""
    for k in range(j):
        above = turn[k, 0, lane] * h[j, k, lane] + turn[k, 1, lane] * h[j, k + 1, lane]
        h[j, k + 1, lane] = turn[k, 0, lane] * h[j, k + 1, lane] - turn[k, 1, lane] * h[j, k, lane]
        h[j, k, lane] = above
    length = (h[j, j, lane] ** 2 + h[j, j + 1, lane] ** 2) ** 0.5
    turn[j, 0, lane] = h[j, j, lane] / length if length > 0.0 else 1.0
    turn[j, 1, lane] = h[j, j + 1, lane] / length if length > 0.0 else 0.0
    h[j, j, lane] = length
    rest[j + 1, lane] = -turn[j, 1, lane] * rest[j, lane]
    rest[j, lane] *= turn[j, 0, lane]
    return abs(rest[j + 1, lane])


@compiled_between
def gmres_end(work, gmres):
    """Add to s what the vectors of the round make up."""
    h, _, rest, _, _, used = gmres
    s = work[DIRECTION]
    most = 0
    for lane in range(s.shape[1]):
        most = max(most, used[lane])
        combine_lane(h, rest, used[lane], lane)
    for j in range(most):
        vector = work[ROOM + j]
        for k in range(s.shape[0]):
            for lane in range(s.shape[1]):
                if used[lane] > j:
                    s[k, lane] += rest[j, lane] * vector[k, lane]


@compiled_apart
def combine_lane(h, rest, count, lane):
    """Coefficients of the first ``count`` vectors: a triangle is solved backwards."""
    for k in range(count - 1, -1, -1):
        for column in range(k + 1, count):
            rest[k, lane] -= h[column, k, lane] * rest[column, lane]
        rest[k, lane] = rest[k, lane] / h[k, k, lane] if h[k, k, lane] > 0.0 else 0.0


@compiled_between
def gmres_left(work):
    """q = −r − q, q the product of s: what is still to be made up."""
    r, q = work[RESIDUAL], work[SCRATCH]
    for k in range(r.shape[0]):
        for lane in range(r.shape[1]):
            q[k, lane] = -r[k, lane] - q[k, lane]


@compiled
def extent(block, lane, least):
    """The largest |entry| of a lane, or ``least``."""
    found = least
    for k in range(block.shape[0]):
        found = max(found, abs(block[k, lane]))
    return found


@compiled_between
def judge_directions(x, work):
    """Where −F is followed: a step that turns round, or goes far off the path, is given up for a shorter one.

    (I/δ + J) turns the direction round where J has an eigenvalue below −1/δ.
    """
    r, s, mode = work[RESIDUAL], work[DIRECTION], work[MODE, 0]
    for lane in range(mode.shape[0]):
        if mode[lane] == FOLLOW or mode[lane] == FOLLOW_AGAIN:
            along = 0.0
            for k in range(r.shape[0]):
                along += s[k, lane] * r[k, lane]
            if not along < 0.0 or not extent(s, lane, 0.0) <= 0.25 * extent(x, lane, 1.0):
                give_up(work, lane)


@compiled_between
def give_up(work, lane):
    """No step in this round; the next one is shorter."""
    work[SHIFT, 0, lane] *= 4.0
    work[LIVE, 0, lane] = 0.0
    work[FRACTION, 0, lane] = 0.0


@compiled_between
def go(x, work):
    """y = x + the share of the direction that is tried."""
    y, s, fraction = work[TRIAL], work[DIRECTION], work[FRACTION, 0]
    for k in range(x.shape[0]):
        for lane in range(x.shape[1]):
            y[k, lane] = x[k, lane]
            if fraction[lane] != 0.0:
                y[k, lane] += fraction[lane] * s[k, lane]


@compiled_between
def judge(work, halving):
    """Newton's steps are halved until |F| falls; returns how many lanes ask for a shorter one."""
    size, trial, mode, live = work[SIZE, 0], work[NEXT, 0], work[MODE, 0], work[LIVE, 0]
    worse = 0
    for lane in range(mode.shape[0]):
        if live[lane] == 0.0:
            continue
        if mode[lane] == FOLLOW or mode[lane] == FOLLOW_AGAIN:
            if not finite(trial[lane]):
                give_up(work, lane)
        elif not trial[lane] < size[lane]:
            worse += 1
            last = halving >= HALVINGS - 1
            work[FRACTION, 0, lane] = 0.0 if last else 0.5 * work[FRACTION, 0, lane]
    return worse


@compiled_between
def settle(x, work):
    """Take the steps, or try something else; returns how many lanes begin anew, those with 1/δ below 0."""
    y, r, s, q, c, old = (
        work[TRIAL],
        work[RESIDUAL],
        work[DIRECTION],
        work[SCRATCH],
        work[POINT],
        work[OLD],
    )
    size, trial, mode, live, shift = (
        work[SIZE, 0],
        work[NEXT, 0],
        work[MODE, 0],
        work[LIVE, 0],
        work[SHIFT, 0],
    )
    anew = 0
    for lane in range(mode.shape[0]):
        following = mode[lane] == FOLLOW or mode[lane] == FOLLOW_AGAIN
        tired = False
        if following:
            work[AGE, 0, lane] += 1.0
            tired = work[AGE, 0, lane] > _PATIENCE
            if live[lane] != 0.0:
                # Longer ones as long as they are good, and much longer where F falls fast.
                shift[lane] *= min(0.5, max(0.02, (trial[lane] / size[lane]) ** 0.5))
        elif live[lane] != 0.0 and work[FRACTION, 0, lane] < 1e-3:
            # Arrived, as near as rounding lets it be, or beside a solution.
            tired = extent(s, lane, 0.0) > 1e-10 * extent(x, lane, 1.0)
            if not tired and work[FRACTION, 0, lane] == 0.0:
                mode[lane] = ARRIVED
                live[lane] = 0.0
        if tired:
            live[lane] = 0.0
            mode[lane] = FAILED if mode[lane] == FOLLOW_AGAIN else mode[lane] + 1.0
            if mode[lane] != FAILED:
                shift[lane] = -1.0
                work[AGE, 0, lane] = 0.0
                anew += 1
        for k in range(x.shape[0]):
            if live[lane] != 0.0:
                x[k, lane] = y[k, lane]
                r[k, lane] = q[k, lane]
            elif shift[lane] < 0.0:
                x[k, lane] = c[k, lane] if mode[lane] == FOLLOW else old[k, lane]
        if live[lane] != 0.0:
            size[lane] = trial[lane]
    return anew


@compiled_between
def begin_anew(work):
    """F at the new beginnings, taken from the scratch; the first step moves by about a tenth of the state."""
    r, q, shift, mode = work[RESIDUAL], work[SCRATCH], work[SHIFT, 0], work[MODE, 0]
    for lane in range(shift.shape[0]):
        if shift[lane] < 0.0:
            work[SIZE, 0, lane] = work[NEXT, 0, lane]
            for k in range(r.shape[0]):
                r[k, lane] = q[k, lane]
            follow = mode[lane] == FOLLOW or mode[lane] == FOLLOW_AGAIN
            shift[lane] = 10.0 * extent(r, lane, 0.0) / extent(work[POINT], lane, 1.0) if follow else 0.0


@compiled_between
def hand_back(x, work):
    """NaN, and work[0, 0] = 1, where the search did not arrive."""
    for lane in range(x.shape[1]):
        lost = work[MODE, 0, lane] != ARRIVED
        work[0, 0, lane] = 1.0 if lost else 0.0
        if lost:
            for k in range(x.shape[0]):
                x[k, lane] = np.nan
