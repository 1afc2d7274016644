"""Compute the reference set: ``python -m analysis.stable_reference.generate`` (needs mpmath; an hour).

Points already in the file are kept; a point that two ways do not agree in, or not in time, is left out and
named.
"""

from __future__ import annotations

import csv
import signal
import sys
import time
from pathlib import Path

import numpy as np
from mpmath import mp

from analysis.stable_reference.exact import AGREED, agreed
from analysis.stable_reference.points import points

FILE = Path(__file__).parent / "reference.csv"
COLUMNS = ("alpha", "beta", "x", "form", "log_density", "log_right", "log_left", "ways")
# Every so often Zolotarev's integral is the second way.
THOROUGH = 12
# Seconds of the processor for a point.
LIMIT = 12.0


def stop(*_: object) -> None:
    """End a point that takes too long."""
    raise TimeoutError


def main() -> None:
    """Append what is missing."""
    signal.signal(signal.SIGVTALRM, stop)
    done = set()
    if FILE.exists():
        with FILE.open() as file:
            done = {tuple(row[:4]) for row in csv.reader(file)}
    fresh = not done
    missing = 0
    with FILE.open("a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if fresh:
            writer.writerow(COLUMNS)
        # In an order that has no rule, so that a part of it is a sample of the whole.
        chosen = points()
        for number in np.random.default_rng(27).permutation(len(chosen)).tolist():
            alpha, beta, x, form = chosen[number]
            key = (repr(alpha), repr(beta), repr(x), form)
            if key in done:
                continue
            start = time.process_time()
            signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT)
            try:
                found = agreed(alpha, beta, x, form, number % THOROUGH == 0)
            except TimeoutError:
                found = None
            signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)
            if found is None:
                missing += 1
                print("left out", *key, f"{time.process_time() - start:.1f} s", file=sys.stderr, flush=True)
                continue
            with mp.workdps(AGREED + 10):
                writer.writerow([*key, *(mp.nstr(v, AGREED) for v in found[0]), found[1]])
            file.flush()
    with FILE.open() as file:
        first, *rows = list(csv.reader(file))
    rows.sort(key=lambda row: (*map(float, row[:3]), row[3]))
    with FILE.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([first, *rows])
    print(f"{missing} points left out")


if __name__ == "__main__":
    main()
