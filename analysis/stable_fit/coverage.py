"""Coverage of the intervals of `sdesim.stable.fit` and the level of its test of goodness.

    python -m analysis.stable_fit.coverage [repeats] [n]

For each law as many samples as `repeats`, seeds 0, 1, …; printed are the shares of 95% intervals that hold
α, β, scale and both locations, of p-values below 5%, and the processor's time of one fit.
"""

from __future__ import annotations

import math
import sys
import time

import numpy as np

from sdesim import stable
from sdesim.noise import sample_stable

LAWS = ((0.8, 0.3), (1.2, 0.3), (1.7, 0.3), (1.95, 0.3))
SCALE, LOC = 2.0, -3.0


def coverage(alpha: float, beta: float, repeats: int, n: int, method: str) -> list[float]:
    """Shares of intervals that hold α, β, scale, S0 and S1 location, of p < 0.05, and seconds of a fit."""
    held, low_p, seconds = np.zeros(5), 0, 0.0
    loc1 = LOC - beta * SCALE * math.tan(0.5 * math.pi * alpha)
    for seed in range(repeats):
        x = sample_stable(alpha, beta, n, seed, scale=SCALE, loc=LOC, parametrization="S0", method="cms")
        begun = time.process_time()
        fit = stable.fit(x, method, parametrization="S0")
        seconds += time.process_time() - begun
        s1 = stable.fit(x, method, parametrization="S1", goodness=None) if seed % 2 == 0 else None
        truths = zip((alpha, beta, SCALE, LOC), fit, strict=True)
        held[:4] += [e.low <= truth <= e.high for truth, e in truths]
        held[4] += 2 * (s1.loc.low <= loc1 <= s1.loc.high) if s1 is not None else 0
        low_p += fit.goodness.p_value < 0.05
    return [*(held / repeats), low_p / repeats, seconds / repeats]


def main(repeats: int = 200, n: int = 1000, methods: str = "mle") -> None:
    """Print a line for each law and method."""
    print("method      alpha  beta   α      β      scale  loc S0 loc S1 p<5%   seconds")
    for method in methods.split(","):
        for alpha, beta in LAWS:
            shares = coverage(alpha, beta, repeats, n, method)
            print(f"{method:10}  {alpha:<5}  {beta:<5}", *(f"{s:<6.3f}" for s in shares), flush=True)


if __name__ == "__main__":
    main(*(int(a) for a in sys.argv[1:3]), *sys.argv[3:4])
