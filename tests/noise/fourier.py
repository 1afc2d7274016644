"""Distribution functions of stable laws from their characteristic functions, independent of the package."""

import math

import numpy as np


def fourier_tail(x, alpha, beta):
    """P(Z₀ > x) by inversion of the characteristic function along u = r e^{−iψ}, r = e^s, in longer words.

    With ζ = −β tan(πα/2) and y = x − ζ > 0: P = ½ − ψ/π + (1/π) ∫ Im e^{−iuy} φ₁(u) ds; for y < 0 the
    reflected law; at α = 1 ψ = 0.
    """
    if alpha == 1.0:
        power, slant, y = beta * 2 / math.pi, 0.0, x
    else:
        t = beta * math.tan(math.pi * alpha / 2)
        y = x + t
        if y < 0:
            return 1.0 - fourier_tail(-x, alpha, -beta)
        power = -1j * t
        slant = 0.5 * (math.pi / 2 - abs(math.atan(t))) / alpha if alpha < 1 else 0.0
        slant = min(slant, 0.4 * math.pi)
    end = math.log(45 / math.cos(alpha * slant)) / alpha
    s = np.arange(-42 / min(alpha, 1.0), end, 0.004)
    u = np.exp(s - 1j * slant)
    if alpha == 1.0:
        phase = -1j * u * y - u * (1 + 1j * power * np.log(u))
    else:
        phase = -1j * u * y - u**alpha * (1 + power)
    return 0.5 - slant / math.pi + np.exp(phase).imag.sum() * 0.004 / math.pi
