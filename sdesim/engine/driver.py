# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call,name-defined"
# ruff: noqa: F821
"""The time loop of an ensemble, compiled once for each combination of surface, noises and scheme.

This file is not imported: `sdesim.engine.build` puts the functions of a combination before it (``fill``,
``step``, ``prepare``, ``loss``, ``well`` and ``compiled``) and compiles the whole: nothing dispatches.

A block holds W trajectories as (d, W). State: x, code (W,) 0 running, 1 diverged, 2 stopped, and stopped (W,)
the step at which it ended. Diverged trajectories are NaN from there on, stopped ones keep their exit state.
"""

RUNNING, DIVERGED, STOPPED = 0, 1, 2
# Saved points wait in a stage, so that they reach their rows many at a time: at most so many, and numbers.
STAGED, STAGE = 64, 2**17


@compiled
def count_bad(x):
    """How many entries are not finite."""
    bad = 0
    for k in range(x.shape[0]):
        for w in range(x.shape[1]):
            bad += x[k, w] - x[k, w] != 0.0
    return bad


@compiled
def isolate(x, code, stopped, step):
    """Mark newly diverged lanes; returns how many lanes are diverged."""
    d, width = x.shape
    diverged = 0
    for w in range(width):
        if code[w] == RUNNING:
            for k in range(d):
                if x[k, w] - x[k, w] != 0.0:
                    code[w] = DIVERGED
                    stopped[w] = step
        if code[w] == DIVERGED:
            diverged += 1
            for k in range(d):
                x[k, w] = float("nan")
    return diverged


@compiled
def watch_exits(x, held, code, stopped, exits, bounds, step):
    """Record first exits; bounds rows are [lower, upper, coordinate, stop]. Returns lanes newly stopped."""
    newly = 0
    for e in range(bounds.shape[0]):
        lower, upper, row = bounds[e, 0], bounds[e, 1], int(bounds[e, 2])
        outside = 0
        for w in range(x.shape[1]):
            outside += (x[row, w] < lower) | (x[row, w] > upper)
        if outside == 0:
            continue
        for w in range(x.shape[1]):
            if exits[e, w] < 0 and code[w] == RUNNING and (x[row, w] < lower or x[row, w] > upper):
                exits[e, w] = step
                if bounds[e, 3] != 0.0:
                    code[w] = STOPPED
                    stopped[w] = step
                    newly += 1
                    for k in range(x.shape[0]):
                        held[k, w] = x[k, w]
    return newly


@compiled
def keep_stopped(x, held, code):
    """Put stopped lanes back to where they left."""
    for w in range(x.shape[1]):
        if code[w] == STOPPED:
            for k in range(x.shape[0]):
                x[k, w] = held[k, w]


@compiled
def save_point(x, surface, directions, stage, at):
    """Put the state of a block into row ``at`` of the stage."""
    theta, projection, norm, values = stage
    d, width = x.shape
    params, data0, data1 = surface
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
    for w in range(width):
        norm[at, 0, w] = x[0, w] * x[0, w]
    for k in range(1, d):
        for w in range(width):
            norm[at, 0, w] += x[k, w] * x[k, w]
    for w in range(width):
        norm[at, 0, w] = np.sqrt(norm[at, 0, w])
    loss(x, params, data0, data1, values[:width])
    for w in range(width):
        norm[at, 1, w] = values[w]


@compiled
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


@compiled
def unstage(stage, outputs, count, row, column, width):
    """Move ``count`` staged points of a block to rows row … of the outputs (K, S, …), from ``column`` on."""
    theta, projection, norm, _ = stage
    out_theta, out_projection, out_norm, out_loss = outputs
    width = min(width, out_norm.shape[0] - row)
    for w in range(width):
        for c in range(count):
            out_norm[row + w, column + c] = norm[c, 0, w]
        for c in range(count):
            out_loss[row + w, column + c] = norm[c, 1, w]
    unstage_rows(projection, out_projection, count, row, column, width)
    if theta.shape[0] > 0:
        unstage_rows(theta, out_theta, count, row, column, width)


@compiled
def start_velocity(all_x, all_v, surface, scratch, dt):
    """Set the second states at step 0."""
    d, width = all_x.shape[1], all_x.shape[2]
    work = np.empty((scratch, d, width))
    for block in range(all_x.shape[0]):
        prepare(all_x[block], all_v[block], surface, dt, work)


@compiled
def advance(
    blocks,
    seed,
    lanes,
    start,
    end,
    dt,
    surface,
    noise_params,
    noise_data,
    scheme,
    rows,
    state,
    saves,
    directions,
    bounds,
    wells,
    outputs,
    column,
):
    """Step the blocks numbered ``blocks`` from step ``start`` to step ``end``.

    scheme: (p, rate, how many work arrays); rows of the noise blocks: (auxiliary, multiplicative, examples).
    state: (x (B, d, W), v, held, code (B, W), stopped (B, W), exits (B, E, W), occupancy (B, wells, W)).
    saves: saved step numbers in (start, end], or in [0, end] where start is 0; outputs: (theta (K, S, d) or
    (K, 0, d), projection (K, S, k), norm (K, S), loss), to be filled from column ``column`` on.
    """
    all_x, all_v, all_held, all_code, all_stopped, all_exits, all_occupancy = state
    p, rate, scratch = scheme
    d, width = all_x.shape[1], all_x.shape[2]
    work = np.empty((scratch, d, width))
    i0, i1 = np.empty((d, width)), np.empty((d, width))
    j0, j1 = np.empty((rows[0], width)), np.empty((rows[0], width))
    m0, m1 = np.empty((rows[1], width)), np.empty((rows[1], width))
    w0, w1 = np.empty((rows[2], width)), np.empty((rows[2], width))
    s0, s1 = np.empty((d, width)), np.empty((d, width))
    t0, t1 = np.empty((rows[2], width)), np.empty((rows[2], width))
    params = surface[0]
    room = max(1, min(STAGED, saves.shape[0], STAGE // (d * width)))
    # A row a little longer than the block: rows a power of two apart would fight for the same cache lines.
    stage = (
        np.empty((room if outputs[0].shape[1] > 0 else 0, d, width + 8)),
        np.empty((room, directions.shape[0], width + 8)),
        np.empty((room, 2, width + 8)),
        np.empty(width),
    )
    for block in blocks:
        x, v, held, code = all_x[block], all_v[block], all_held[block], all_code[block]
        stopped, exits, occupancy = all_stopped[block], all_exits[block], all_occupancy[block]
        diverged, halted = 0, 0
        for w in range(width):
            diverged += code[w] == DIVERGED
            halted += code[w] == STOPPED
        saved, staged = 0, 0
        if saves.shape[0] > 0 and saves[0] == start and start == 0:
            save_point(x, surface, directions, stage, 0)
            saved, staged = 1, 1
        for pair in range(start // 2, (end + 1) // 2):
            ended = diverged + halted == width
            if not ended:
                fill(
                    seed, block * lanes, pair, noise_params, noise_data,
                    i0, i1, j0, j1, m0, m1, w0, w1, s0, s1, t0, t1,
                )  # fmt: skip
            for half in range(2):
                now = 2 * pair + half
                if now < start or now >= end:
                    continue
                if not ended:
                    if half == 0:
                        step(x, v, i0, j0, m0, w0, surface, p, rate, dt, work)
                    else:
                        step(x, v, i1, j1, m1, w1, surface, p, rate, dt, work)
                    if count_bad(x) != diverged * d:
                        diverged = isolate(x, code, stopped, now + 1)
                    if halted > 0:
                        keep_stopped(x, held, code)
                    if bounds.shape[0] > 0:
                        halted += watch_exits(x, held, code, stopped, exits, bounds, now + 1)
                    if wells > 0:
                        for w in range(width):
                            if code[w] == RUNNING:
                                place = well(x, w, params)
                                if place >= 0:
                                    occupancy[place, w] += 1
                if saved < saves.shape[0] and saves[saved] == now + 1:
                    if staged == room:
                        unstage(stage, outputs, staged, block * lanes, column + saved - staged, width)
                        staged = 0
                    save_point(x, surface, directions, stage, staged)
                    saved += 1
                    staged += 1
        unstage(stage, outputs, staged, block * lanes, column + saved - staged, width)


@compiled
def drive(x, v, additive, auxiliary, multiplicative, surface, scheme, dt, out):
    """Step one block through given increments, (steps, rows, W) each; out (steps, d, W) are the states."""
    p, rate, scratch = scheme
    work = np.empty((scratch, x.shape[0], x.shape[1]))
    none = np.empty((0, x.shape[1]))
    prepare(x, v, surface, dt, work)
    for n in range(additive.shape[0]):
        step(x, v, additive[n], auxiliary[n], multiplicative[n], none, surface, p, rate, dt, work)
        out[n] = x
