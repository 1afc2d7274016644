"""Every study runs through at small size, and says all that a reader needs."""

from __future__ import annotations

from importlib import import_module

import pytest

from sdesim.shipped import study

claims = study("claims")
run = import_module("sdesim_claims.run")
ALL = claims.studies()
GROUPS = sorted({s.shares or s.id for s in ALL.values()})


@pytest.mark.parametrize("group", GROUPS)
def test_studies_run_and_their_numbers_are_usable(group, tmp_path):
    ids = ",".join(s.id for s in ALL.values() if (s.shares or s.id) == group)

    found = claims.run_claims(ids, quick=True, out=tmp_path)

    for r in found.records:
        assert r["verdict"] == run.UNJUDGED, r.get("error")
        assert r["statistics"] or r["reason"]
        assert all(r[k].strip() for k in ("claim", "test", "change_mind", "sample_size"))
        assert (tmp_path / "findings" / f"{r['id']}.svg").stat().st_size > 2_000
        for name, e in r["statistics"].items():
            assert e["value"] is not None, name
            assert e["n"] >= 1
