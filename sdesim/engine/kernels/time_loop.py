# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call,name-defined"
# ruff: noqa: F821
"""The time loop of an ensemble, compiled once for each combination of surface, noises and scheme.

This file is not imported: `codegen` puts the functions of a combination before it (``fill``, ``make_room``,
``act``, ``step``, ``confine``, ``prepare``, ``loss``, ``well``, ``count_overshoots``, those of `watch`,
``compiled`` …), ``WALLED``, whether walls or leaps move states, and ``GROUP``, of how many steps a fill draws
the increments, and compiles the whole: nothing dispatches. What is compiled anew for each combination is kept
small: what no combination changes stands in `block`, and a copy is a loop, since Numba compiles a slice that
is set to an array ten times as long.

A block holds W trajectories as (d, W). State: x, code (W,) 0 running, 1 diverged, 2 stopped, and stopped (W,)
the step at which it ended. Diverged trajectories are NaN from there on, stopped ones keep their exit state.
"""

from sdesim.engine.kernels.block import (
    RUNNING,
    count_ended,
    count_lost,
    isolate,
    keep_before,
    keep_stopped,
    keep_tile,
    make_stage,
    make_watch_room,
    stage_loss,
    stage_norm,
    stage_state,
    unstage,
)


@entry
def start_velocity(all_x, all_v, surface, scratch, dt):
    """Set the second states at step 0."""
    d, width = all_x.shape[1], all_x.shape[2]
    work = np.empty((scratch, d, width), all_x.dtype)
    for block in range(all_x.shape[0]):
        prepare(all_x[block], all_v[block], surface, dt, work)


@entry
def advance(
    blocks,
    seed,
    lanes,
    first,
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
    watch,
    wells,
    outputs,
    column,
    reduced,
):
    """Step the blocks numbered ``blocks`` from step ``start`` to step ``end``.

    first: the number that the generator has for the first trajectory.
    scheme: (p, rate, how many work arrays, params of each wall, (from where on steps may overshoot, ∞ where
    that is not counted, across which centre), what `halved_step` reads or (0,)); rows of the noise blocks:
    (auxiliary, multiplicative, examples).
    state: (x (B, d, W), v, held, code (B, W), stopped (B, W), exits (B, E, W), occupancy (B, wells, W),
    counts (B, 2, W) of unsolved steps and of overshoots, and (B, 4, W) of steps taken and of those beyond the
    tolerance where steps are halved, shares (B, E, W), sides (B, E, W), states
    (B, E, d, W)); the last three are of the exits. watch: (numbers, values, root, whether states before a
    step are needed), see `watch`.
    saves: saved step numbers in (start, end], or in [0, end] where start is 0; outputs: (theta (K, S, d) or
    (K, 0, d), projection (K, S, k), norm and loss (K, S), or (K, 0) where they are not kept), to be filled
    from column ``column`` on.
    reduced: (steps at which states are reduced, the tile (steps, d, rows) that they go to, its first row).
    """
    all_x, all_v, all_held, all_code, all_stopped, all_exits, all_occupancy, all_counts = state[:8]
    all_shares, all_sides, all_states = state[8:]
    events = all_exits.shape[1]
    p, rate, scratch, walls, reach, halving = scheme
    surface = own_clock(surface)
    d, width = all_x.shape[1], all_x.shape[2]
    stage = make_stage(d, width, saves.shape[0], directions.shape[0], outputs[0].shape[1] > 0)
    room = stage[2].shape[0]
    work, i, j, m, weights, spare = make_room(d, width, scratch, rows)
    numbers, values, root, between = watch
    taken, tile, first_row = reduced
    before, luck, tags = make_watch_room(d, width, events)
    calm = make_calm(d, width, rows)
    for block in blocks:
        x, v, held, code = all_x[block], all_v[block], all_held[block], all_code[block]
        stopped, exits, occupancy = all_stopped[block], all_exits[block], all_occupancy[block]
        records = (exits, all_shares[block], all_sides[block], all_states[block])
        counts = all_counts[block]
        leading = first + block * lanes
        diverged, halted = count_ended(code)
        begin_watch(x, code, exits, numbers, values, luck, tags, start)
        saved, staged, tiled, far = 0, 0, 0, True
        for now in range(start, end + 1):
            set_clock(surface, now * dt)
            if tiled < taken.shape[0] and taken[tiled] == now:
                keep_tile(x, tile, tiled, block * lanes - first_row)
                tiled += 1
            if saved < saves.shape[0] and saves[saved] == now:
                if staged == room:
                    unstage(stage, outputs, staged, block * lanes, column + saved - staged, width)
                    staged = 0
                stage_state(x, directions, stage, staged)
                if outputs[2].shape[1] > 0:
                    stage_norm(x, stage, staged)
                if outputs[3].shape[1] > 0:
                    loss(x, surface[0], surface[1], surface[2], stage[3])
                    stage_loss(stage, staged)
                saved += 1
                staged += 1
            if now == end or diverged + halted == width:
                continue
            part = now % GROUP
            if part == 0 or now == start:
                fill(seed, leading, now // GROUP, noise_params, noise_data, i, j, m, weights, spare)
            # Walls may send far what was near.
            if far or WALLED:
                count_overshoots(x, code, counts, surface, dt, reach)
            act(x, seed, leading, now, noise_params, noise_data, i[part])
            if between:
                keep_before(x, before)
            far = walked_step(
                x, v, i[part], j[part], m[part], weights[part], surface, p, rate, dt, work, reach[0], walls,
                halving, noise_params, noise_data, seed, leading, now, code, counts,
            )  # fmt: skip
            tell(work, code, counts, stopped, now + 1)
            confine(x, v, walls)
            if far and count_lost(x) != diverged * d:
                diverged = isolate(x, code, stopped, now + 1)
            if halted > 0:
                keep_stopped(x, held, code)
            halted += leave(
                x, v, before, i[part], calm, work, surface, p, rate, dt, held, code, stopped, records,
                numbers, values, luck, tags, seed, leading, now,
            )  # fmt: skip
            if events > 0 and look_for(x, before, numbers, values, luck, tags, seed, leading, now) > 0:
                halted += note_exits(
                    x, before, held, code, stopped, records, numbers, values, root, luck, tags, seed,
                    leading, now,
                )  # fmt: skip
            if wells > 0:
                for w in range(width):
                    if code[w] == RUNNING:
                        place = well(x, w, surface[0])
                        if place >= 0:
                            occupancy[place, w] += 1
        unstage(stage, outputs, staged, block * lanes, column + saved - staged, width)


@entry
def drive(x, v, additive, auxiliary, multiplicative, driving, surface, scheme, dt, out):
    """Step one block through given increments, (steps, rows, W) each; out (steps, d, W) are the states, NaN
    from where one has diverged."""
    p, rate, scratch = scheme
    code, stopped = np.zeros(x.shape[1], np.int8), np.zeros(x.shape[1], np.int64)
    work = np.empty((scratch, x.shape[0], x.shape[1]))
    surface = own_clock(surface)
    prepare(x, v, surface, dt, work)
    for n in range(additive.shape[0]):
        set_clock(surface, n * dt)
        step(x, v, additive[n], auxiliary[n], multiplicative[n], driving[n], surface, p, rate, dt, work)
        if count_lost(x) > 0:
            isolate(x, code, stopped, n + 1)
        for k in range(x.shape[0]):
            for w in range(x.shape[1]):
                out[n, k, w] = x[k, w]
