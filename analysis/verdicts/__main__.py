"""`python -m analysis.verdicts [equivalence|paths|pairs]`: writes the tables of ``results/``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from . import equivalence, pairs, paths

RESULTS = Path(__file__).parent / "results"
TABLES: dict[str, Callable[[], str]] = {
    "equivalence": equivalence.table,
    "paths": paths.table,
    "pairs": pairs.table,
}

if __name__ == "__main__":
    for name in sys.argv[1:] or list(TABLES):
        text = TABLES[name]()
        (RESULTS / f"{name}.md").write_text(text, encoding="utf-8")
        print(text)
