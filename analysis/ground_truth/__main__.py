"""``python -m analysis.ground_truth [GT01 …] [--small] [--seed N] [--out FILE]``: one table of cases."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from analysis.ground_truth import CASES, table
from sdesim.io.files import atomic_write_text


def main() -> int:
    """Print the table as Markdown; 1 where a row lies 5 standard errors off or outside its tolerance."""
    parser = argparse.ArgumentParser(prog="python -m analysis.ground_truth", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help="such as GT01; default all")
    parser.add_argument("--small", action="store_true", help="the sample sizes of the tests")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="write the table there too")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.cases if name not in CASES]
    if unknown:
        parser.error(f"no such case: {', '.join(unknown)} (there are {', '.join(CASES)})")
    found = []
    for name in arguments.cases or CASES:
        started = time.perf_counter()
        case = CASES[name]
        found.append(
            (
                case,
                case.run((case.small or case.large // 10) if arguments.small else case.large, arguments.seed),
            )
        )
        print(f"{name} {case.claim}: {time.perf_counter() - started:.1f} s", file=sys.stderr, flush=True)
    text = table(found)
    print(text)
    if arguments.out:
        atomic_write_text(arguments.out, text + "\n")
    return int(not all(row.holds(5.0) for _, rows in found for row in rows))


if __name__ == "__main__":
    sys.exit(main())
