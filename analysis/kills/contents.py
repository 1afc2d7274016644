"""What a folder of runs holds, as digests, without what tells of time and place."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from sdesim.runs import open_run

# They tell of times and places.
_SKIPPED = ("provenance.json", "report.html", "summary.json", "progress.json")
_OF_NOW = ("wall_time", "points_run", "created", "probe_share", "digest")


def contents(out: Path) -> dict[str, str]:
    """Bits of every variable of every run, of the other files, and the numbers of the summaries.

    A run is opened and read as a user does it, so that it is held against its manifest; how it is cut into
    chunks is not looked at, for that may differ between clusters.

    Raises:
        SdesimError: a run is not whole.
    """
    found: dict[str, str] = {}
    stores = [p for p in sorted(out.rglob("*.zarr")) if p.is_dir()]
    for store in stores:
        run, place = open_run(store), str(store.relative_to(out))
        found[f"{place} complete"] = str(run.attrs.get("complete"))
        found[f"{place} unverified"] = str(run.attrs.get("unverified", 0))
        for name in sorted(map(str, run.variables)):
            values = run[name].values
            told = f"{values.dtype.str} {values.shape}".encode()
            bits = str(values.tolist()).encode() if values.dtype.hasobject else values.tobytes()
            found[f"{place} {name}"] = hashlib.sha256(told + bits).hexdigest()
    for path in sorted(p for p in out.rglob("*") if p.is_file()):
        place = str(path.relative_to(out))
        if any(store in path.parents for store in stores):
            continue
        if path.name == "summary.json":
            found[place] = json.dumps(_timeless(json.loads(path.read_text(encoding="utf-8"))), sort_keys=True)
        elif path.name not in _SKIPPED:
            found[place] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _timeless(v) for k, v in value.items() if k not in _OF_NOW}
    return [_timeless(v) for v in value] if isinstance(value, list) else value
