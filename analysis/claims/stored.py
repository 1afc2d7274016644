"""The ledger that is kept with the code: one file for each claim, full size, seed 0."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .ledger import studies

FOLDER = Path(__file__).parent / "results"
# Of a run, not of a claim.
_SETTINGS = ("quick", "seed", "source")


def stored() -> dict[str, Any]:
    """What a full run at seed 0 found: seed, quick, claims, as in a run's claims.json."""
    files = [FOLDER / "findings" / f"{name}.json" for name in studies()]
    found = [json.loads(path.read_text(encoding="utf-8")) for path in files if path.exists()]
    claims = [{k: v for k, v in record.items() if k not in _SETTINGS} for record in found]
    return {"seed": 0, "quick": False, "claims": claims}
