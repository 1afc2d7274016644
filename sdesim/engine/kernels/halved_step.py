# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call,name-defined"
# ruff: noqa: F821
"""A step that is halved in the lanes where it is too long, as often as it takes.

This file is not imported: `codegen` puts it into a driver's module, after the functions of its combination
(``grad``, ``step``, ``confine``, ``wall_error``, ``own_increments``, ``halve_all`` …).

Noise enters additively, so that all of a step's error is of the drift: ∫ (a(X_s) − a(X_0)) ds, estimated by
½ h |a(X_h) − a(X_0)|, what the trapezoid rule adds to Euler's; and of walls, see ``wall_error``. A node of
the tree of halves is dt/2^level long and begins ``position`` such lengths after its step.
"""


@compiled
def drift_error(before, after, here, there, lane, h, sizes):
    """½ h max_k |∇L_k(after) − ∇L_k(before)|/max(1, |x_k|), ∞ where it is no number.

    Where the path came back by chance to near where it began, as it does not on its way, the difference is
    that of a change as large as the noise: times max_k s_k/max_k |Δx_k| where that is above 1.
    """
    error, moved, usual = 0.0, 0.0, 0.0
    for k in range(before.shape[0]):
        size = max(1.0, abs(before[k, lane]))
        part = 0.5 * h * abs(there[k, lane] - here[k, lane]) / size
        error = part if part > error else (error if part == part else np.inf)
        moved = max(moved, abs(after[k, lane] - before[k, lane]))
        usual = max(usual, sizes[k])
    return error * (usual / moved) if 0.0 < moved < usual else error


@apart
def walk_halves(y, surface, rate, dt, scratch, walls, halving, seed, lane, now, noise_params, noise_data):
    """Walk one lane, y (d, 1), through a step that was too long as a whole; (steps taken, of them unmet)."""
    tolerance, levels, lengths, scales, sizes, nodes = halving
    d = y.shape[0]
    none, work = np.zeros((0, 1)), np.empty((scratch, d, 1))
    old, here, there, total = np.empty((d, 1)), np.empty((d, 1)), np.empty((d, 1)), np.empty((d, 1))
    parents, out = np.empty((1, d, 1)), np.empty((2, d, 1))
    # Of each node on the way down: the increments of the noises, and those of the right half to come.
    whole = np.zeros((levels + 1, NOISES, d))
    rest = np.zeros((levels + 1, NOISES, d))
    own_increments(seed, lane, now, noise_params, noise_data, whole[0])
    taken, unmet, level, position = 0, 0, 0, 0
    down = True
    while True:
        if down:
            node = (now << level) + position
            halve_all(
                seed, lane, level + 1, node, nodes, parents, out, whole[level], whole[level + 1],
                rest[level + 1],
            )  # fmt: skip
            level += 1
            position *= 2
        h = lengths[level]
        for k in range(d):
            old[k, 0] = y[k, 0]
            total[k, 0] = 0.0
            for n in range(NOISES):
                total[k, 0] += whole[level, n, k]
        set_clock(surface, now * dt + position * h)
        grad(y, surface[0], surface[1], surface[2], here)
        step(y, none, total, none, none, none, surface, scales[level], rate, h, work)
        error = wall_error(old, y, here, 0, h, sizes[level], walls)
        confine(y, none, walls)
        set_clock(surface, now * dt + (position + 1) * h)
        grad(y, surface[0], surface[1], surface[2], there)
        error = max(error, drift_error(old, y, here, there, 0, h, sizes[level]))
        met = error <= tolerance
        if not met and level < levels:
            for k in range(d):
                y[k, 0] = old[k, 0]
            down = True
            continue
        taken += 1
        unmet += not met
        if not met and any_beyond(y, np.inf):
            return taken, unmet
        down = False
        while level > 0 and position % 2 == 1:
            position //= 2
            level -= 1
        if level == 0:
            return taken, unmet
        position += 1
        for n in range(NOISES):
            for k in range(d):
                whole[level, n, k] = rest[level, n, k]


@compiled
def walked_step(
    x, v, i, j, m, w, surface, p, rate, dt, work, bound, walls, halving, noise_params, noise_data, seed,
    first, now, code, counts,
):  # fmt: skip
    """The step of all lanes, and again by halves in those where its error is beyond the tolerance."""
    tolerance, _, _, _, sizes, _ = halving
    d, width = x.shape
    old, here, there = np.empty((d, width)), np.empty((d, width)), np.empty((d, width))
    errors, y = np.empty(width), np.empty((d, 1))
    for k in range(d):
        for lane in range(width):
            old[k, lane] = x[k, lane]
    grad(x, surface[0], surface[1], surface[2], here)
    checked_step(x, v, i, j, m, w, surface, p, rate, dt, work, bound)
    for lane in range(width):
        errors[lane] = wall_error(old, x, here, lane, dt, sizes[0], walls)
    confine(x, v, walls)
    set_clock(surface, (now + 1) * dt)
    grad(x, surface[0], surface[1], surface[2], there)
    for lane in range(width):
        if code[lane] == RUNNING:
            error = max(errors[lane], drift_error(old, x, here, there, lane, dt, sizes[0]))
            if error <= tolerance:
                counts[2, lane] += 1
            else:
                for k in range(d):
                    y[k, 0] = old[k, lane]
                taken, unmet = walk_halves(
                    y, surface, rate, dt, work.shape[0], walls, halving, seed, first + lane, now,
                    noise_params, noise_data,
                )  # fmt: skip
                counts[2, lane] += taken
                counts[3, lane] += unmet
                for k in range(d):
                    x[k, lane] = y[k, 0]
    return any_beyond(x, bound)
