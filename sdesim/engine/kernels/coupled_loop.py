# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call,name-defined"
# ruff: noqa: F821
"""Paths of several step lengths through one noise, compiled for each combination as `time_loop` is.

This file is not imported either: see there. Increments are drawn for the shortest step; a longer one takes
their sum.
"""


@entry
def walk(seed, first, begin, end, dt, ratios, turned, surface, noise_params, noise_data, scheme, rows, x, v):
    """Step blocks of W trajectories from the short step ``begin`` to ``end``, both multiples of all ratios.

    ratios (L,): how many steps of length dt path l takes at once; turned (L,): whether it takes the two
    increments of each pair in the other order. scheme: (p (L, n), rate, how many work arrays); rows as in
    `time_loop`. x (blocks, L, d, W) and v (blocks, L, rows of v, W) are stepped in place; the first lane of
    the first block is trajectory ``first``. A second set of increments ΔN′ is summed so that
    ∫∫ dN ds = ½ dt (ΔN + ΔN′/√3) holds for the long step where it does for the short ones.
    """
    p, rate, scratch = scheme
    surface = own_clock(surface)
    blocks, levels, d, width = x.shape
    work, i, j, m, weights, spare = make_room(d, width, scratch, rows)
    sums_i = np.zeros((levels, d, width))
    sums_j = np.zeros((levels, j.shape[1], width))
    sums_m = np.zeros((levels, m.shape[1], width))
    sums_w = np.zeros((levels, weights.shape[1], width))
    root = np.sqrt(3.0)
    for block in range(blocks):
        lane = first + block * width
        if begin == 0:
            for path in range(levels):
                set_clock(surface, 0.0)
                prepare(x[block, path], v[block, path], surface, ratios[path] * dt, work)
        for now in range(begin, end):
            part = now % GROUP
            if part == 0 or now == begin:
                fill(seed, lane, now // GROUP, noise_params, noise_data, i, j, m, weights, spare)
            for path in range(levels):
                ratio = ratios[path]
                place = now % ratio
                take = 1 - part if turned[path] else part
                fresh = place == 0
                for k in range(d):
                    for w in range(width):
                        sums_i[path, k, w] = (0.0 if fresh else sums_i[path, k, w]) + i[take, k, w]
                lean = root * (ratio - 1 - 2 * place) / ratio
                for k in range(sums_j.shape[1]):
                    for w in range(width):
                        more = lean * i[take, k, w] + j[take, k, w] / ratio
                        sums_j[path, k, w] = (0.0 if fresh else sums_j[path, k, w]) + more
                for k in range(sums_m.shape[1]):
                    for w in range(width):
                        sums_m[path, k, w] = (0.0 if fresh else sums_m[path, k, w]) + m[take, k, w]
                for k in range(sums_w.shape[1]):
                    for w in range(width):
                        sums_w[path, k, w] = (0.0 if fresh else sums_w[path, k, w]) + weights[take, k, w]
                if place == ratio - 1:
                    set_clock(surface, (now + 1 - ratio) * dt)
                    step(
                        x[block, path], v[block, path], sums_i[path], sums_j[path], sums_m[path],
                        sums_w[path], surface, p[path], rate, ratio * dt, work,
                    )  # fmt: skip
