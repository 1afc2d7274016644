"""The ledger as a page, a picture and five lines: they say what the records say, and no sign breaks them."""

from __future__ import annotations

import json
import re
from importlib import import_module

from sdesim.shipped import study

claims = study("claims")
document = import_module("sdesim_claims.document")
ledger = import_module("sdesim_claims.ledger")
rules = import_module("sdesim_claims.rules")
kept = import_module("sdesim_claims.stored")
strip = import_module("sdesim_claims.strip")
STORED = claims.stored()
RECORDS = STORED["claims"]


def test_every_claim_has_its_row_its_part_and_its_figure():
    text = claims.claims_page(STORED)

    for r in RECORDS:
        assert text.count(f"| [{r['id']}](#{r['id'].lower()}) |") == 1
        assert text.count(f"\n### {r['id']}\n") == 1
        assert text.count(f"results/findings/{r['id']}.svg)") == 1
    rows = [line for line in text.splitlines() if line.startswith("| [C")]
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 7 for row in rows)


def test_what_a_verdict_hangs_on_is_the_refuted_check():
    checks = [{"text": t, "holds": h} for t, h in (("a", True), ("b", None), ("c", False))]

    assert document.deciding({"stated": checks}) == "c"
    assert document.deciding({"stated": checks[:2]}) == "b"
    assert document.deciding({"stated": checks[:1]}) == "a"
    assert document.deciding({"stated": [], "reason": "no data"}) == "no data"


def test_signs_of_a_text_format_nothing():
    record = {**RECORDS[0], "claim": "|μ|² of <b>a_b*</b> [x](y)"}

    row = document.claims_page({**STORED, "claims": [record]}).splitlines()

    shown = next(line for line in row if line.startswith("| [C1]"))
    assert r"\|μ\|² of \<b>a\_b\*\</b> \[x](y)" in shown


def test_the_picture_has_a_mark_for_each_claim():
    text = claims.picture(STORED)

    numbers = re.findall(r">\s*(\d{1,3})\s*</text>", text)
    assert sorted(map(int, numbers)) == [int(r["id"][1:]) for r in RECORDS]
    for verdict in rules.VERDICTS:
        found = sum(r["verdict"] == verdict for r in RECORDS)
        assert (f"{found} {verdict}" in text) or not found


def test_every_section_has_a_row_in_the_picture():
    assert {strip.part(s.section) for s in claims.studies().values()} <= set(strip.PARTS)


def test_five_lines_count_what_is_kept():
    lines = claims.summary(STORED).splitlines()

    assert 4 <= len(lines) <= 5
    for basis in ledger.BASES:
        assert f"{sum(r['basis'] == basis for r in RECORDS)} {basis}" in lines[1]


def test_verdicts_at_other_seeds_are_told():
    same = {r["id"]: r["verdict"] for r in RECORDS}
    other = {**same, "C1": rules.INCONCLUSIVE}

    assert document.seeds_told(RECORDS, {}) == []
    assert "0, 1: " in document.seeds_told(RECORDS, {"1": same})[0]
    (line,) = document.seeds_told(RECORDS, {"1": same, "2": other})
    assert f"{len(RECORDS) - 1} of {len(RECORDS)}; others: C1 (inconclusive at seed 2)." in line


def test_seeds_are_kept_from_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "FOLDER", tmp_path)
    for seed in (2, 1):
        run = {"seed": seed, "claims": [{"id": "C1", "verdict": rules.HOLDS}]}
        (tmp_path / f"run{seed}").mkdir()
        (tmp_path / f"run{seed}" / "claims.json").write_text(json.dumps(run), encoding="utf-8")

    kept.keep_seeds([tmp_path / "run2", tmp_path / "run1"])

    assert kept.stored()["seeds"] == {"1": {"C1": "holds"}, "2": {"C1": "holds"}}
