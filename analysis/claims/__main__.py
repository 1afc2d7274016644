"""``python -m analysis.claims --readme``: the table of README.md anew from results/claims.json."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from sdesim.io.files import atomic_write_text

from .table import RESULTS, readme_block, with_block


def main() -> int:
    """Write the table."""
    parser = argparse.ArgumentParser(prog="python -m analysis.claims", description=__doc__)
    parser.add_argument("--readme", action="store_true", required=True, help="write the table into README.md")
    parser.parse_args()
    path = Path(__file__).parent.parent.parent / "README.md"
    records = json.loads(RESULTS.read_text(encoding="utf-8"))["claims"]
    atomic_write_text(path, with_block(path.read_text(encoding="utf-8"), readme_block(records)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
