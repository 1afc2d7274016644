"""``python -m analysis.claims DIR…``: store the verdicts of full runs at other seeds."""

from __future__ import annotations

import argparse
from pathlib import Path

from .stored import keep_seeds


def main() -> None:
    """Read the runs' folders, write results/seeds.json."""
    parser = argparse.ArgumentParser(prog="python -m analysis.claims", description=__doc__)
    parser.add_argument("runs", metavar="DIR", nargs="+", type=Path, help="of sdesim claims --seed N")
    keep_seeds(parser.parse_args().runs)


if __name__ == "__main__":
    main()
