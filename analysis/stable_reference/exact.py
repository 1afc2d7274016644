"""Log density and log tails of the stable law to 30 digits, each computed in two ways.

- `series`: the series at infinity (α < 1) or at x′ = 0 (α > 1), which converge everywhere, in as many digits
  as their cancellation asks for.
- `ray`: Fourier inversion along a ray u = r e^{−iφ}, r = exp(τ − e^{−τ}), trapezoidal sums halved until they
  agree; the precision grows by what cancels. A second ray has another angle and more digits.
- `zolotarev`: Zolotarev's integral, positive throughout, by Gauss–Legendre panels.

Source: V. Zolotarev, One-dimensional Stable Distributions (1986), §2.2 and §2.4.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from mpmath import mp, mpf

# Digits that two ways must agree in, and that are worked in beyond what cancels.
AGREED, WORKED = 30, 42
Three = tuple[Any, Any, Any]


class Law:
    """Constants of a standard law in the present precision; x′ > 0 is the side of β."""

    def __init__(self, alpha: float, beta: float) -> None:
        self.alpha, self.beta = mpf(alpha), mpf(beta)
        self.epsilon = 1 - self.alpha
        if alpha != 1.0:
            self.tangent = mp.tan(mp.pi * self.alpha / 2) if alpha != 2.0 else mpf(0)
            self.theta = mp.atan(self.beta * self.tangent) / self.alpha
            self.modulus = mp.sqrt(1 + (self.beta * self.tangent) ** 2)
            self.side = mp.pi / 2 + self.theta
            if beta == 1.0 and alpha < 1.0:
                self.side = mp.pi
            if beta == -1.0 and alpha < 1.0:
                self.side = mpf(0)


def s1_point(alpha: float, beta: float, x: float, form: str) -> Any:
    """x′ of a point given in a form; x itself at α = 1."""
    if form == "S1" or alpha == 1.0:
        return mpf(x)
    return mpf(x) + mpf(beta) * Law(alpha, beta).tangent


def logs(f: Any, s: Any, c: Any) -> Three:
    """Logarithms, −∞ at 0."""
    return tuple(mp.log(v) if v > 0 else mp.ninf for v in (f, s, c))  # type: ignore[return-value]


def series(alpha: float, beta: float, x: float, form: str) -> Three | None:
    """By the convergent series; None where they would need too many terms or digits."""
    digits = WORKED + 20
    for _ in range(4):
        with mp.workdps(digits):
            sign = 1
            x1 = s1_point(alpha, beta, x, form)
            if x1 < 0:
                sign, x1 = -1, -x1
            law = Law(alpha, sign * beta)
            if alpha == 1.0 or x1 == 0 or law.side == 0:
                return None
            small = alpha < 1.0
            base = law.modulus * x1**-law.alpha if small else x1 * law.modulus ** (-1 / law.alpha)
            step = law.alpha if small else 1 / law.alpha
            # The largest term in double precision tells what cancels and how many terms there are.
            n = np.arange(1.0, 4001.0)
            lead = np.array([math.lgamma(k * float(step) + 1.0) - math.lgamma(k + 1.0) for k in n])
            size = lead + n * float(mp.log(base))
            if size[-1] > -3.0 * digits - 50.0 + min(0.0, float(size[0])):
                return None
            peak = max(0.0, float(size.max()))
            if peak > 900.0:
                return None
            f, s, power = mpf(0), mpf(0), mpf(1)
            gone = mpf(10) ** (-digits)
            for k in range(1, 4001):
                power *= -base
                angle = k * (law.alpha * law.side if small else law.side)
                term = -mp.gamma(k * step) / mp.factorial(k) * power * mp.sin(angle)
                s += term
                f += k * term
                if size[k - 1] < -2.4 * digits + min(0.0, float(size[0])) and k > n[size.argmax()]:
                    break
            if small:
                # S = Σ/π, f = αΣ′/(πx).
                values = (law.alpha * f / (mp.pi * x1), s / mp.pi, 1 - s / mp.pi)
            else:
                s = s / (mp.pi * law.alpha)
                values = (f / (mp.pi * law.alpha * x1), law.side / mp.pi - s, 1 - law.side / mp.pi + s)
            least = min(abs(v) for v in values)
            lost = (peak / 2.302 - float(mp.log10(least))) if least > gone else digits
            if digits - lost >= WORKED - 6:
                return logs(*(values if sign > 0 else (values[0], values[2], values[1])))
            digits = int(digits + lost + 10) if lost < digits else 2 * digits
            if digits > 900:
                return None
    return None


def ray(alpha: float, beta: float, x: float, form: str, other: bool = False) -> Three | None:
    """By Fourier inversion along the best ray, or the best one at another angle and precision."""
    digits = WORKED + (27 if other else 15)
    # What x′ − x takes near α = 1.
    taken = 0 if alpha in (1.0, 2.0) else int(-math.log10(min(abs(1.0 - alpha), 1.0))) + 5
    for _ in range(5):
        with mp.workdps(digits + 10 + taken):
            x1 = s1_point(alpha, beta, x, form)
            angles = _turns(alpha, beta, x1, digits)
            if angles and other:
                angles = [angle for angle in angles if abs(angle - angles[0]) > 0.09]
            tries = (_along(alpha, beta, x1, mpf(angle), digits) for angle in angles[:3])
            values = next((v for v in tries if v is not None), None)
            if values is None:
                return None
            three, largest = values
            least = min(abs(v) for v in three)
            if least > largest * mpf(10) ** (-digits + 8):
                lost = max(0.0, float(mp.log10(largest / least)))
                if digits - lost >= WORKED - 6:
                    return logs(*three)
                digits = int(WORKED + 10 + lost)
            else:
                digits = 2 * digits
            if digits > 600:
                return None
    return None


def _exponent(alpha: float, beta: float, x1: Any, u: Any, log_u: Any, law: Law) -> Any:
    if alpha == 1.0:
        return -u - 2j / mp.pi * law.beta * u * log_u - 1j * u * x1
    c = 1 - 1j * law.beta * law.tangent
    return -c * mp.exp(law.alpha * log_u) - 1j * u * x1


def _turns(alpha: float, beta: float, x1: Any, digits: int) -> list[float]:
    """Angles, those with the least peak of the integrand first, in double precision."""
    x, law = float(x1), Law(alpha, beta)
    log_r = np.linspace(-100.0, 60.0, 3201)
    scores = []
    for phi in np.linspace(-0.5, 0.5, 65) * math.pi:
        log_u = log_r - 1j * phi
        with np.errstate(all="ignore"):
            u = np.exp(log_u)
            if alpha == 1.0:
                e = -u - 2j / math.pi * beta * u * log_u - 1j * u * x
            else:
                # Cancellation between x′ and tan is done at full precision.
                c = complex(1 - 1j * law.beta * law.tangent)
                e = -c * np.exp(alpha * log_u) - 1j * u * x
                near = float(x1 - law.beta * law.tangent)
                close = np.abs((alpha - 1.0) * log_u) < 1e-3
                w = log_u * (1.0 + 0.5 * (alpha - 1.0) * log_u)
                swap = (
                    -u - (alpha - 1.0) * u * w + 1j * float(law.beta * law.tangent * (law.alpha - 1)) * u * w
                )
                e = np.where(close, swap - 1j * u * near, e)
        real = np.where(np.isnan(e.real), np.inf, e.real)
        low = np.flatnonzero(real < -2.4 * digits)
        if low.size == 0:
            continue
        inner = slice(0, low[0])
        peak = float(real[inner].max())
        if not math.isfinite(peak):
            continue
        turns = float(np.abs(np.diff(e.imag[inner])).sum())
        score = max(peak, 0.0) + 0.02 * turns
        scores.append((score, float(phi)))
    return [phi for _, phi in sorted(scores)]


def _along(alpha: float, beta: float, x1: Any, phi: Any, digits: int) -> tuple[Three, Any] | None:
    law = Law(alpha, beta)
    turn = mp.exp(-1j * phi)
    floor = -mpf(digits + 12) * mp.log(10)

    def node(tau: Any) -> tuple[Any, Any, Any, bool]:
        fall = mp.exp(-tau)
        log_r = tau - fall
        r = mp.exp(log_r)
        u = r * turn
        e = _exponent(alpha, beta, x1, u, log_r - 1j * phi, law)
        value = mp.exp(e) * (1 + fall)
        return value * r, value, e, mp.re(e) + log_r < floor

    # Where r is in use: to the left the integrand of the tail is Im(e − 1), of the size of r^{min(α, 1)}.
    least = -mp.log((digits + 12) * mp.log(10) / min(law.alpha, 1) + abs(mp.log(abs(x1) + 1)))
    step = mpf(1) / 8
    sums_f, sums_s, largest = mpf(0), mpf(0), mpf(0)
    before = None
    offsets = [mpf(0)]
    for level in range(11):
        for offset in offsets:
            k = 0
            while True:
                tau = least + (k + offset) * step
                weighted, plain, e, gone = node(tau)
                if (gone and tau > 0) or (gone and mp.re(e) < floor):
                    break
                sums_f += weighted
                sums_s += mp.im(plain)
                largest = max(largest, abs(weighted) * step, abs(plain) * step if abs(e) > 1 else 0)
                k += 1
                if k > 200000:
                    return None
        step = step if level == 0 else step / 2
        f = mp.re(turn * sums_f * step) / mp.pi
        wave = sums_s * step / mp.pi
        s, c = mpf(1) / 2 - phi / mp.pi + wave, mpf(1) / 2 + phi / mp.pi - wave
        now = (f, s, c)
        tight = mpf(10) ** (-digits)
        if before is not None and all(
            abs(a - b) <= max(largest, abs(a)) * tight * 1e4 for a, b in zip(now, before, strict=True)
        ):
            return now, max(largest, mpf(1) / 2)
        before = now
        offsets = [mpf(1) / 2]
    return None


@lru_cache(maxsize=8)
def _rule(order: int, digits: int) -> list[tuple[Any, Any]]:
    """Gauss–Legendre nodes and weights on (−1, 1)."""
    with mp.workdps(digits + 10):
        found = []
        for k in range(1, order + 1):
            x = mp.cos(mp.pi * (k - mpf(1) / 4) / (order + mpf(1) / 2))
            for _ in range(100):
                p0, p1 = mpf(1), x
                for j in range(2, order + 1):
                    p0, p1 = p1, ((2 * j - 1) * x * p1 - (j - 1) * p0) / j
                slope = order * (x * p1 - p0) / (x * x - 1)
                move = p1 / slope
                x -= move
                if abs(move) < mpf(10) ** (-digits - 5):
                    break
            found.append((x, 2 / ((1 - x * x) * slope * slope)))
        return found


def zolotarev(alpha: float, beta: float, x: float, form: str) -> Three | None:
    """By Zolotarev's integral; None at α = 2, where its formula is empty."""
    if alpha == 2.0:
        return None
    # Differences of S0 and S1 near α = 1, and near |β| = 1, take digits.
    taken = 0 if alpha == 1.0 else int(-3.0 * math.log10(min(abs(1.0 - alpha), 2.0 - alpha))) + 25
    with mp.workdps(WORKED + max(taken, 0) + 45):
        sign, x1 = 1, s1_point(alpha, beta, x, form)
        if (x1 < 0) if alpha != 1.0 else (beta < 0.0):
            sign, x1 = -1, -x1
        law = Law(alpha, sign * beta)
        if alpha == 1.0 and beta == 0.0:
            return None
        side = mp.pi if alpha == 1.0 else law.side
        if side == 0 or (x1 == 0 and alpha != 1.0):
            return None
        a, e = law.alpha, law.epsilon
        half = mp.pi / 2

        def log_w(z: Any) -> tuple[Any, Any]:
            up = mp.exp(z)
            y = side * up / (1 + up)
            slope = side * up / (1 + up) ** 2
            v = y - side + half
            if alpha == 1.0:
                width = half + law.beta * v
                return (
                    mp.log(width / mp.sin(side / (1 + up)))
                    - mp.log(half)
                    + (width * mp.tan(v) - half * x1) / law.beta,
                    slope,
                )
            value = mp.log(law.modulus) / e - a / e * mp.log(x1 * mp.cos(v) / mp.sin(a * y))
            return value + mp.log(mp.cos(law.theta - e * y) / mp.cos(v)), slope

        rising = 1 if alpha <= 1.0 else -1
        reach = mpf(90)
        low, high = -reach, reach
        base = mp.exp(log_w(-rising * reach)[0])
        if base > 1e5:
            return None
        for _ in range(60):
            middle = (low + high) / 2
            if log_w(rising * middle)[0] > mp.log1p(base):
                high = middle
            else:
                low = middle
        centre = (low + high) / 2
        small = mpf(10) ** -12
        steep = abs(log_w(rising * (centre + small))[0] - log_w(rising * centre)[0]) * (1 + base) / small
        width = min(mpf(1), 1 / steep)
        rule = _rule(40, WORKED + 60)
        f, below, above = mpf(0), mpf(0), mpf(0)
        for direction in (1, -1):
            edge, step = centre, width / 2
            while direction * (direction * reach - edge) > 0:
                end = edge + direction * step
                middle, span = (edge + end) / 2, step / 2
                dead = direction > 0 and log_w(rising * edge)[0] > mp.log(base + 600)
                for node, weight in rule:
                    value, slope = log_w(rising * (middle + span * node))
                    # Beyond it e^{−w} is below e^{−10⁸}.
                    w = mp.exp(min(value, mpf(20)))
                    share = weight * span * slope
                    above -= share * mp.expm1(-w)
                    if not dead:
                        fall = mp.exp(base - w)
                        f += share * w * fall
                        below += share * fall
                if dead and mp.exp(-abs(edge)) < mpf(10) ** -60:
                    break
                edge, step = end, min(2 * step, mpf(2))
        below, f = below * mp.exp(-base), f * mp.exp(-base)
        rate = half / law.beta if alpha == 1.0 else a / (abs(e) * x1)
        rest = mp.pi - side
        if alpha <= 1.0:
            s, c = above / mp.pi, (below + rest) / mp.pi
        else:
            s, c = below / mp.pi, (above + rest) / mp.pi
        f = f * rate / mp.pi
        return logs(*((f, s, c) if sign > 0 else (f, c, s)))


def closed(alpha: float, beta: float, x: float) -> Three | None:
    """The normal, Cauchy's and Lévy's law (x′ of the last)."""
    with mp.workdps(WORKED + 20):
        z = mpf(x)
        if alpha == 2.0:
            right, left = mp.erfc(z / 2) / 2, mp.erfc(-z / 2) / 2
            return logs(mp.exp(-z * z / 4) / mp.sqrt(4 * mp.pi), right, left)
        if alpha == 1.0 and beta == 0.0:
            right = mp.atan2(1, z) / mp.pi
            return logs(1 / (mp.pi * (1 + z * z)), right, mp.atan2(1, -z) / mp.pi)
        return None


def agreed(alpha: float, beta: float, x: float, form: str, thorough: bool) -> tuple[Three, str] | None:
    """Log density and log tails, right and left, and the two ways that agree in them.

    Args:
        alpha: α.
        beta: β.
        x: the point.
        form: the form that x is given in, "S0" or "S1".
        thorough: whether Zolotarev's integral is the second way where the series is none.
    """
    known = closed(alpha, beta, x)
    if known is not None:
        other = ray(alpha, beta, x, form)
        return _pair(known, other, "closed+ray")
    two = ray(alpha, beta, x, form)
    found = _pair(series(alpha, beta, x, form), two, "series+ray")
    if found is None and thorough:
        # Its panels reach so far that 20 digits are left, less at the largest x.
        found = _pair(two, zolotarev(alpha, beta, x, form), "ray+zolotarev", 20)
    return found or _pair(two, ray(alpha, beta, x, form, other=True), "ray+ray")


def _pair(one: Three | None, two: Three | None, name: str, digits: int = AGREED) -> tuple[Three, str] | None:
    if one is None or two is None:
        return None
    for a, b in zip(one, two, strict=True):
        if a == b:
            continue
        if not (mp.isfinite(a) and mp.isfinite(b)):
            return None
        # Relative to the number itself where its logarithm is below 1, else to the logarithm.
        if abs(a - b) > mpf(10) ** -digits * max(1, abs(a)):
            return None
    return one, name
