# mypy: disable-error-code="misc,call-arg,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
# mypy: disable-error-code="name-defined"
# ruff: noqa: F821
"""Exits of stable processes with the law of the state behind the wall: walks on spheres near the walls.

This file is not imported: `watchers` puts it after `watch` where an event asks for it. A symmetric α-stable
process of scale σ leaves the ball of radius r about its place after the mean time κ(r/σ)^α, for a place whose
distance ρr has the density 2 sin(πα/2)/π · (ρ² − 1)^{−α/2}/ρ, in any direction. Near a wall such exits, from
balls that touch it, take the place of the step: what lies behind the wall is then the exact law of the state,
whatever the distance, and each takes its mean time, so that mean exit times keep theirs. A ball that would
last longer than what is left of the step is left with the probability of the quotient. Far from all walls
the step stays as it was drawn; but jumps of more than half the distance come at times of their own, and take
the place of the increments of that size: a wall is then crossed by a jump alone, at its own time.

Increments are of that size from ε(1 + (α + d + 2)/2 · V/ε² − ¾λ) on, ε half the distance, V the variance
along an axis of what is smaller and λ the rate of what is larger, both in a step: sums of smaller jumps pass
ε too, and the variance of the rest is then V to second order (¾ is read off the law).

With Gaussian noise beside it, a path leaves the interval of a leap, or jumps by more than `CUT` of its half
width, whichever comes first; smaller jumps are taken for Gaussian. Where they are little of the variance the
path may creep over the wall. The drift is that of the step, moved at most half the distance to a wall at a
time.

Times are in units of dt. ``values`` from ``numbers[e, LAW]`` on: the columns below (Python's side:
`sdesim.engine.events.overshoot`). Uniforms: purposes 96 (leaps) and 112 (whether there is a large jump) of
the documented layout (`sdesim.compiled.streams`).

Source: R. Blumenthal, R. Getoor & D. Ray, Trans. Am. Math. Soc. 99 (1961) 540; A. Kyprianou, A. Osojnik &
T. Shardlow, IMA J. Numer. Anal. 38 (2018) 1550 (walks on spheres).
"""

from sdesim.compiled.philox import log
from sdesim.compiled.streams import JUMPS, LEAPS
from sdesim.engine.kernels.bridge import draw_fractions
from sdesim.stable.sampling.cms import symmetric

LAW = 10
ALPHA, AXIS, CLOSE, WIDEST, KAPPA, RATE_OF_JUMPS, LIKELIEST, FLOOR, GAUSSIAN, SMALL, CUT, SCALES = range(12)
# Jumps too small to be drawn may have this share of the variance where a path creeps over a wall; where they
# have more, it first goes this share of the way. Within 10⁵ floors of a wall (10⁻⁷ of a region's size) half
# of the variance will do: what a state there would be beyond the wall is less than that.
CREEPS, PART = 0.02, 0.8
LEAP_WORDS, JUMP_WORDS = LEAPS, JUMPS


@compiled_between
def draw_marks(luck, tags, seed, first, e, step):
    """The uniforms of four steps that decide on large jumps."""
    draw_fractions(luck, tags, seed, first, e, step, np.uint64(JUMP_WORDS))


@compiled_between
def increment_sizes(i, axis, out):
    """Sizes of the increments: of one coordinate, or of all."""
    for w in range(out.shape[0]):
        out[w] = 0.0
    for k in range(i.shape[0]):
        if axis < 0 or k == axis:
            for w in range(out.shape[0]):
                out[w] += i[k, w] * i[k, w]
    for w in range(out.shape[0]):
        out[w] = np.sqrt(out[w])


@compiled_between
def find_leaps(i, numbers, values, luck, tags, seed, first, step):
    """How many lanes may not take their step as it was drawn; the first event that asks holds the marks.

    Its row MARKS is −1 where a lane may not, its row SCRATCH the least distance to a wall.
    """
    lead = -1
    for e in range(numbers.shape[0]):
        if numbers[e, LAW] > 0:
            near, idle = luck[e, NEAR + step % 2], luck[e, IDLE]
            if lead < 0:
                lead = e
                for w in range(near.shape[0]):
                    luck[lead, SCRATCH, w] = near[w] + idle[w]
            else:
                for w in range(near.shape[0]):
                    luck[lead, SCRATCH, w] = min(luck[lead, SCRATCH, w], near[w] + idle[w])
    law = numbers[lead, LAW]
    draw_marks(luck, tags, seed, first, lead, step)
    least, sizes, chance = luck[lead, SCRATCH], luck[lead, MARKS], luck[lead, step % 4]
    increment_sizes(i, int(values[law + AXIS]), sizes)
    close, likeliest = values[law + CLOSE], values[law + LIKELIEST]
    count = 0
    for w in range(least.shape[0]):
        marked = (least[w] < close) | (2.0 * sizes[w] > least[w]) | (chance[w] < likeliest)
        marked &= least[w] < 1e299
        count += marked
        sizes[w] = -1.0 if marked else sizes[w]
    return count


@compiled
def least_gap(at, lane, exits, numbers, values):
    """The distance of a place (d, 1) to the nearest wall of the events that a lane has not left."""
    least = 1e300
    for e in range(numbers.shape[0]):
        own = numbers[e]
        if own[LAW] > 0 and exits[e, lane] < 0:
            for k in range(own[WALLS]):
                ahead = gap(own[KIND], at, 0, k, values[own[PARAMS] : own[PARAMS_END]])
                least = ahead if ahead < least else least
    return least


@compiled
def pair_of(seed, number, step, count):
    """The two uniforms numbered ``count`` of a lane's leaps in a step."""
    word = np.uint64(LEAP_WORDS + step % 2)
    return uniforms(seed, np.uint64(0), np.uint64(number), np.uint64(step // 2), np.uint64(count), word)


@compiled
def ball_exit(a, seed, number, step, count):
    """ρ, one more uniform, and the count: ρ² − 1 = y has the density ~ y^{−a}/(1 + y), a = α/2.

    By rejection, from y^{−a} below 1 and y^{−a−1} above.
    """
    while True:
        u, v = pair_of(seed, number, step, count)
        count += 1
        low = u < a
        y = exp(log(u / a) / (1.0 - a)) if low else exp(log((1.0 - u) / (1.0 - a)) / -a)
        share = v * (1.0 + y)
        share = share if low else share / y
        if share < 1.0:
            return np.sqrt(1.0 + y), share, count


@compiled
def mixed_leap(most, distance, law, values):
    """(radius, γ radius, mean time, whether its edge may be the wall) with Gaussian noise.

    Jumps above a share of the radius come at a rate λ, what is smaller is Gaussian, of variance V in all: the
    path leaves the interval of this radius before a jump with probability 1/cosh(γ radius), γ² = 2λ/V; the
    time to the earlier of the two has the mean (1 − 1/cosh)/λ.
    """
    alpha, gaussian = values[law + ALPHA], values[law + GAUSSIAN]
    most = min(most, values[law + WIDEST])
    radius = min(PART * distance, most)
    size = log(values[law + CUT] * radius)
    small = values[law + SMALL] * exp((2.0 - alpha) * size)
    nearly = distance < 1e5 * values[law + FLOOR]
    creeps = small <= (1.0 if nearly else CREEPS) * gaussian
    if creeps:
        radius = most
        size = log(values[law + CUT] * radius)
        small = values[law + SMALL] * exp((2.0 - alpha) * size)
    rate = values[law + RATE_OF_JUMPS] * exp(-alpha * size)
    turns = min(radius * np.sqrt(2.0 * rate / (gaussian + small)), 700.0)
    half = np.sinh(0.5 * turns)
    time = 2.0 * half * half / (1.0 + 2.0 * half * half) / rate
    return radius, turns, time, creeps and radius == distance


@compiled
def mixed_place(radius, turns, u):
    """The distance from the middle at the jump, if that comes first: density ~ sinh(γ(radius − x))."""
    half = np.sinh(0.5 * turns)
    # cosh y − 1 = 2 sinh²(y/2), which keeps small y exact.
    return radius - radius * 2.0 * np.arcsinh(half * np.sqrt(1.0 - u)) / turns


@compiled_between
def turn(size, seed, number, step, count, out):
    """A vector of a size in any direction into out (d,); returns the count of uniforms."""
    d = out.shape[0]
    total = 0.0
    for k in range(0, d, 2):
        u, v = pair_of(seed, number, step, count)
        count += 1
        out[k], other = box_muller(u, v)
        total += out[k] * out[k]
        if k + 1 < d:
            out[k + 1] = other
            total += other * other
    for k in range(d):
        out[k] *= size / np.sqrt(total)
    return count


@compiled_between
def land(at, slack, share, lane, held, code, stopped, records, numbers, values, luck, step):
    """Record the events whose regions a lane's place is outside of, or by slack inside; whether it stops."""
    exits, shares, sides, states = records
    d = at.shape[0]
    halts = False
    for e in range(numbers.shape[0]):
        own = numbers[e]
        if own[LAW] <= 0 or exits[e, lane] >= 0:
            continue
        least, wall = slack, -1
        for k in range(own[WALLS]):
            ahead = gap(own[KIND], at, 0, k, values[own[PARAMS] : own[PARAMS_END]])
            if ahead < least:
                least, wall = ahead, k
        if wall < 0:
            continue
        exits[e, lane], shares[e, lane], sides[e, lane] = step + 1, share, wall
        luck[e, IDLE, lane] = 1e300
        for k in range(d):
            states[e, k, lane] = at[k, 0]
        halts |= own[STOP] > 0
    if halts:
        code[lane], stopped[lane] = STOPPED, step + 1
        for k in range(d):
            held[k, lane] = at[k, 0]
        for e in range(numbers.shape[0]):
            luck[e, IDLE, lane] = 1e300
    return halts


@compiled
def next_leap(distance, speed, law, values):
    """(radius, γ radius, mean time, whether its edge may be the wall) of the next leap.

    By drift alone it goes at most half the distance to a wall.
    """
    alpha, kappa, widest = values[law + ALPHA], values[law + KAPPA], values[law + WIDEST]
    reach = max(distance, values[law + FLOOR])
    slow = reach
    if speed > 0.0:
        # Both noises together take less time than either.
        lapse = 0.5 * reach / speed
        slow = min(reach, max(exp(log(lapse / kappa) / alpha), np.sqrt(lapse * values[law + GAUSSIAN])))
    if values[law + GAUSSIAN] > 0.0:
        return mixed_leap(slow, reach, law, values)
    radius = min(slow, widest)
    time = 1.0 if radius == widest else kappa * exp(alpha * log(radius))
    return radius, 0.0, time, False


@compiled_between
def move_others(at, axis, time, law, values, seed, number, step, count):
    """Move the coordinates but the watched one on by a time; returns the count of uniforms."""
    alpha, d = values[law + ALPHA], at.shape[0]
    for k in range(d):
        if k == axis:
            continue
        if values[law + SCALES + k] > 0.0:
            u, v = pair_of(seed, number, step, count)
            count += 1
            at[k, 0] += values[law + SCALES + k] * time ** (1.0 / alpha) * symmetric(u, v, alpha)
        if values[law + SCALES + d + k] > 0.0:
            u, v = pair_of(seed, number, step, count)
            count += 1
            z, _ = box_muller(u, v)
            at[k, 0] += values[law + SCALES + d + k] * np.sqrt(time) * z
    return count


@compiled_between
def leap(x, before, still, i, held, code, stopped, records, numbers, values, luck, seed, first, step):
    """Walk the marked lanes through their step anew; still: where drift alone takes them.

    Returns how many lanes newly stopped.
    """
    exits = records[0]
    d, width = x.shape
    lead = 0
    while numbers[lead, LAW] <= 0:
        lead += 1
    law = numbers[lead, LAW]
    alpha, mixed = values[law + ALPHA], values[law + GAUSSIAN] > 0.0
    axis = 0 if d == 1 else int(values[law + AXIS])
    at, move, jump = np.empty((d, 1)), np.empty(d), np.zeros(d)
    newly = 0
    for w in range(width):
        if luck[lead, MARKS, w] >= 0.0 or code[w] != RUNNING:
            continue
        number, count, distance = first + w, 0, luck[lead, SCRATCH, w]
        # A large jump at a time of its own; before it, and without it, only smaller ones.
        large, moment, limit = False, 1.0, 1e300
        if distance >= values[law + CLOSE]:
            limit = 0.5 * distance
            mean = values[law + RATE_OF_JUMPS] * limit**-alpha
            likely = -np.expm1(-mean)
            if luck[lead, step % 4, w] < values[law + LIKELIEST]:
                u, v = pair_of(seed, number, step, count)
                count += 1
                large = u * values[law + LIKELIEST] < likely
                moment = min(-np.log1p(-v * likely) / mean, 1.0) if large else 1.0
            if not large:
                size = 0.0
                for k in range(d):
                    size += i[k, w] * i[k, w] if axis < 0 or k == axis else 0.0
                ways = 1.0 if axis >= 0 else float(d)
                spread = values[law + SMALL] * limit ** (2.0 - alpha) / ways + values[law + GAUSSIAN]
                widening = 0.5 * (alpha + ways + 2.0) * spread / (limit * limit) - 0.75 * mean
                if size <= (limit * (1.0 + widening)) ** 2:
                    continue
        speed = 0.0
        for k in range(d):
            at[k, 0], move[k] = before[k, w], still[k, w] - before[k, w]
            speed += move[k] * move[k]
        speed = np.sqrt(speed)
        left, until, ahead, over = 1.0, 1.0 - moment, 0.0, False
        while not over:
            share, slack = 1.0 - until, 0.0
            if left > until:
                radius, turns, time, creeps = next_leap(distance, speed, law, values)
                if speed > 0.0:
                    # Before the leap, and at most half the distance.
                    drift = min(time, left - until)
                    for k in range(d):
                        at[k, 0] += max(drift - ahead, 0.0) * move[k]
                    ahead = max(ahead - drift, 0.0)
                    distance = least_gap(at, w, exits, numbers, values)
                    radius, turns, time, creeps = next_leap(distance, speed, law, values)
                    ahead += max(drift - time, 0.0)
                used = time
                if time > (left - until) * (1.0 + 1e-12):
                    u, _ = pair_of(seed, number, step, count)
                    count += 1
                    used = left - until
                    if u * time > used:
                        left = until
                        continue
                if mixed:
                    u, v = pair_of(seed, number, step, count)
                    count += 1
                    size, rest = radius, v
                    if u * np.cosh(turns) >= 1.0:
                        size = mixed_place(radius, turns, 2.0 * v if v < 0.5 else 2.0 * v - 1.0)
                        size = size if v < 0.5 else -size
                        u, rest = pair_of(seed, number, step, count)
                        count += 1
                        longest = values[law + CUT] * radius * u ** (-1.0 / alpha)
                        while longest > limit:
                            u, rest = pair_of(seed, number, step, count)
                            count += 1
                            longest = values[law + CUT] * radius * u ** (-1.0 / alpha)
                        size += longest if rest < 0.5 else -longest
                    else:
                        slack = 1e-9 * radius if creeps else 0.0
                        size = size if v < 0.5 else -size
                else:
                    size, rest, count = ball_exit(0.5 * alpha, seed, number, step, count)
                    while radius * size > limit:
                        size, rest, count = ball_exit(0.5 * alpha, seed, number, step, count)
                    size = radius * (size if rest < 0.5 else -size)
                # Of mean `used`, and spread over it: exits at the ends of steps alone would be a lattice.
                share = 1.0 - left + used * (2.0 * rest if rest < 0.5 else 2.0 * rest - 1.0) + 0.5 * used
                left -= used
                if axis >= 0 and d > 1:
                    count = move_others(at, axis, time, law, values, seed, number, step, count)
            elif large:
                u, v = pair_of(seed, number, step, count)
                count += 1
                size = limit * u ** (-1.0 / alpha)
                size = size if v < 0.5 else -size
                large, limit, until = False, 1e300, 0.0
            else:
                break
            if axis >= 0:
                at[axis, 0] += size
            else:
                count = turn(size, seed, number, step, count, jump)
                for k in range(d):
                    at[k, 0] += jump[k]
            distance = least_gap(at, w, exits, numbers, values)
            if distance < slack:
                over = land(at, slack, share, w, held, code, stopped, records, numbers, values, luck, step)
                distance = least_gap(at, w, exits, numbers, values)
        newly += over
        for k in range(d):
            x[k, w] = at[k, 0]
    return newly
