"""The ledger that is kept with the code: one file for each claim, full size, seed 0."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sdesim.io.files import atomic_write_json

from .ledger import studies
from .run import without_settings

FOLDER = Path(__file__).parent / "results"


def stored() -> dict[str, Any]:
    """What a full run at seed 0 found: seed, quick, claims, as in a run's claims.json; and under seeds the
    verdicts of full runs at others, by seed and claim."""
    files = [FOLDER / "findings" / f"{name}.json" for name in studies()]
    found = [json.loads(path.read_text(encoding="utf-8")) for path in files if path.exists()]
    claims = [without_settings(record) for record in found]
    return {"seed": 0, "quick": False, "claims": claims, "seeds": _seeds()}


def _seeds() -> dict[str, dict[str, str]]:
    path = FOLDER / "seeds.json"
    found: dict[str, dict[str, str]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def keep_seeds(runs: Sequence[Path]) -> None:
    """Store the verdicts of full runs at other seeds, from the claims.json of their folders."""
    ledgers = [json.loads((run / "claims.json").read_text(encoding="utf-8")) for run in runs]
    verdicts = {str(run["seed"]): {c["id"]: c["verdict"] for c in run["claims"]} for run in ledgers}
    atomic_write_json(FOLDER / "seeds.json", dict(sorted(verdicts.items())))
