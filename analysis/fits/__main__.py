"""Write results/coverage.md: ``python -m analysis.fits [repeats]``."""

from __future__ import annotations

import sys
from pathlib import Path

from analysis.fits.coverage import table


def main(repeats: int = 200) -> None:
    """Line by line, so that what is done is seen."""
    target = Path(__file__).parent / "results" / "coverage.md"
    target.parent.mkdir(exist_ok=True)
    done = []
    for row in table(repeats):
        print(row, flush=True)
        done.append(row)
    target.write_text("\n".join(done) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*(int(a) for a in sys.argv[1:2]))
