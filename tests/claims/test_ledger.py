"""The ledger's rules turn numbers into verdicts; its runs lose nothing and repeat; its texts agree."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import math
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from sdesim import cli
from sdesim.errors import SdesimError
from sdesim.estimators import Estimate
from sdesim.shipped import study

ROOT = Path(__file__).parent.parent.parent
claims = study("claims")
ledger = import_module("sdesim_claims.ledger")
rules = import_module("sdesim_claims.rules")
estimates = import_module("sdesim_claims.estimates")
run = import_module("sdesim_claims.run")
page = import_module("sdesim_claims.page")
table = import_module("sdesim_claims.table")
RESULTS = claims.stored()


TOLD = {"basis": ledger.MEASURED, "quotation": "words of the source", "since": "2026-11-30"}


def interval(low, high):
    return Estimate((low + high) / 2, low, high, 0.99, "given", 10)


def made(ruling, corrected=""):
    return ledger.Finding({"x": interval(0, 1)}, ruling, "other numbers", "10", lambda ax: None, corrected)


@pytest.fixture
def only_two(monkeypatch):
    """A registry of C1, which holds, and C2, which breaks."""
    monkeypatch.setattr(ledger, "_STUDIES", {})

    @ledger.claim("C1", "3.1", claim="one", test="look", **TOLD)
    def fine(lab):
        e = estimates.mean(lab.rng("C1").standard_normal(100) + 9)
        ruling = rules.judge([rules.above("x", e, 5)])
        return ledger.Finding({"x": e}, ruling, "less", "100 draws", lambda ax: ax.plot([1, 2]))

    @ledger.claim("C2", "3.2", claim="two", test="look", **TOLD)
    def broken(lab):
        raise RuntimeError("no such luck")


# --- rules ---


def test_an_interval_across_the_line_decides_nothing():
    assert rules.above("x", interval(1, 3), 0.5).holds is True
    assert rules.above("x", interval(1, 3), 4).holds is False
    assert rules.above("x", interval(1, 3), 2).holds is None
    assert rules.below("x", interval(1, 3), 4).holds is True
    assert rules.below("x", interval(1, 3), 0.5).holds is False
    assert rules.near("x", interval(1, 3), 2, 1.5).holds is True
    assert rules.near("x", interval(1, 3), 2, 0.5).holds is None
    assert rules.near("x", interval(1, 3), 5, 0.5).holds is False
    assert rules.outside("x", interval(1, 3), 5, 0.5).holds is True
    assert rules.consistent("x", interval(1, 3), 2).holds is True
    assert rules.consistent("x", interval(1, 3), 4).holds is False


def test_a_number_without_interval_decides_nothing():
    e = Estimate(2.0, math.nan, math.nan, 0.95, "given", 1)

    checks = (
        rules.above("x", e, 1),
        rules.below("x", e, 3),
        rules.near("x", e, 2, 9),
        rules.consistent("x", e, 2),
    )

    assert all(c.holds is None for c in checks)


@pytest.mark.parametrize(
    ("stated", "fair", "verdict"),
    [
        ([True, True], [], rules.HOLDS),
        ([True, False], [], rules.FAILS),
        ([True, False], [True], rules.CONDITIONS),
        ([True, False], [None], rules.FAILS),
        ([True, None], [True], rules.CONDITIONS),
        ([True, None], [None], rules.INCONCLUSIVE),
        ([True, None], [], rules.INCONCLUSIVE),
    ],
)
def test_verdict_follows_from_the_checks(stated, fair, verdict):
    checks = [[rules.whether("it", h) for h in group] for group in (stated, fair)]

    assert rules.judge(*checks).verdict == verdict


def test_a_convention_whose_arithmetic_is_wrong_fails():
    assert rules.judge_convention([rules.whether("1 + 1 = 2", True)]).verdict == rules.CONVENTION
    assert rules.judge_convention([rules.whether("1 + 1 = 3", False)]).verdict == rules.FAILS


def test_the_fair_reading_has_a_verdict_of_its_own():
    def of(*fair):
        return rules.judge([rules.whether("it", False)], [rules.whether("fairly", h) for h in fair])

    assert of().fair_verdict == ""
    assert of(True, True).fair_verdict == rules.HOLDS
    assert of(True, None).fair_verdict == rules.INCONCLUSIVE
    assert of(None, False).fair_verdict == rules.FAILS


@pytest.mark.parametrize("basis", [ledger.DEDUCED, ledger.CONVENTIONAL])
def test_what_no_data_can_change_rests_on_no_drawn_number(basis):
    s = ledger.Study("C1", "3.1", "one", "look", lambda lab: None, **{**TOLD, "basis": basis})
    drawn = rules.together("both", [rules.proved("1 = 1", True), rules.above("x", interval(1, 3), 0)])
    algebra = rules.together("both", [rules.proved("1 = 1", True), rules.proved("2 = 2", True)])

    s.check(made(rules.judge([algebra])))
    with pytest.raises(ValueError, match="measured: both"):
        s.check(made(rules.judge([drawn])))


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"basis": "guessed"}, "basis is one of"),
        ({"quotation": ""}, "a quotation has"),
        ({"quotation": "x" * 171}, "a quotation has"),
        ({"since": "yesterday"}, "isoformat"),
    ],
)
def test_a_claim_says_what_it_rests_on(told, message):
    with pytest.raises(ValueError, match=message):
        ledger.claim("C998", "3.1", claim="one", test="look", **{**TOLD, **told})(lambda lab: None)


def test_a_fair_reading_has_words_and_checks():
    s = ledger.Study("C1", "3.1", "one", "look", lambda lab: None, **TOLD)
    seen = [rules.whether("it", True)]

    with pytest.raises(ValueError, match="fair reading"):
        s.check(made(rules.judge(seen, seen)))
    s.check(made(rules.judge(seen)))


def test_only_a_convention_is_judged_as_one():
    s = ledger.Study("C1", "3.1", "one", "look", lambda lab: None, **TOLD)

    with pytest.raises(ValueError, match="its basis is 'measured'"):
        s.check(made(rules.judge_convention([rules.proved("1 + 1 = 2", True)])))


def test_a_failing_claim_needs_its_correction():
    fails = rules.judge([rules.whether("it", False)])

    with pytest.raises(ValueError, match="corrected"):
        made(fails)
    assert made(fails, "that").corrected == "that"


# Means, shares, ratios and slopes of known truth: of 400 99% intervals at least 380 must hold it; the chance
# of fewer is P(Bin(400, 0.01) > 20) < 1e-8.
def test_intervals_of_the_ledger_cover():
    rng = np.random.default_rng(0)
    held = {"mean": 0, "share": 0, "ratio": 0, "slope": 0, "slopes": 0}
    x = np.arange(12.0)
    for _ in range(400):
        a, b = rng.standard_normal((2, 60)) + np.array([[1.0], [4.0]])
        lines = 2 * x + rng.standard_normal((8, 12))
        found = {
            "mean": (estimates.mean(a), 1.0),
            "share": (estimates.share(rng.random(60) < 0.3), 0.3),
            "ratio": (estimates.ratio_of_means(a, b), 0.25),
            "slope": (estimates.slope(x, lines[0]), 2.0),
            "slopes": (estimates.slope(x, lines), 2.0),
        }
        for name, (e, truth) in found.items():
            held[name] += e.low <= truth <= e.high

    assert min(held.values()) >= 380, held


def test_the_power_of_a_test_is_told_in_words():
    # Of many draws the interval is 2.576 standard errors wide on each side, and 0.9 takes 1.282 of them more.
    wide = Estimate(3.0, 2.0, 4.0, 0.99, "given", 9_999)

    assert estimates.seen(wide, 1.0, "seeds") == "beside 1 1.5 would have been seen with probability 0.9"
    assert "no error is known" in estimates.seen(estimates.exact(3.0), 1.0)


def test_a_share_of_none_or_of_all_ends_there():
    assert estimates.share([False] * 10).low == 0
    assert estimates.share([True] * 10).high == 1


# --- runs ---


def test_a_study_that_lacks_torch_says_how_to_get_it(only_two, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)

    @ledger.claim("C3", "3.3", claim="three", test="look", **TOLD)
    def needs_torch(lab):
        import torch  # noqa: F401

    found = claims.run_claims("C3", out=tmp_path)

    assert "pip install 'sdesim[torch]'" in found.errors[0]["error"]


def test_a_study_that_breaks_loses_no_other(only_two, tmp_path):
    found = claims.run_claims(out=tmp_path)

    assert [r["verdict"] for r in found.records] == [rules.HOLDS, "error"]
    assert "no such luck" in found.errors[0]["error"]
    stored = json.loads((tmp_path / "claims.json").read_text(encoding="utf-8"))
    assert [r["id"] for r in stored["claims"]] == ["C1", "C2"]
    assert not any("seconds" in r or "source" in r for r in stored["claims"])
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert text.count("<article") == 2
    assert text.count("<svg") == 1
    assert not re.search(r'(src|href)="(?!#)', text)


def test_the_page_leads_from_each_claim_to_its_study():
    two = {"seed": 0, "quick": False, "claims": RESULTS["claims"][:2]}

    text = page.page(two, {"C1": f"<svg {run.PAPER} ></svg>", "C2": ""})

    led = re.findall(r'<a href="#([^"]+\.py)">', text)
    assert len(led) == 2
    assert all(f'id="{name}"' in text for name in led)
    assert re.findall(r'data-by="(\w+)"', text) == ["basis", "part"]
    assert run.PAPER not in text


def test_the_page_may_load_nothing_and_run_no_script_but_its_own():
    text = page.page({"seed": 0, "quick": False, "claims": RESULTS["claims"][:1]}, {})

    head = re.search(r'<head>\n.*\n<meta http-equiv="Content-Security-Policy" (.*)>', text)[1]
    script = re.search("<script>(.*?)</script>", text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert html.unescape(head).startswith(f"content=\"default-src 'none'; script-src 'sha256-{digest}'; ")


def test_another_seed_shows_which_verdicts_moved():
    def records(**verdicts):
        return [{"id": name, "verdict": v} for name, v in verdicts.items()]

    kept = records(C1=rules.HOLDS, C2=rules.FAILS, C3=rules.FAILS, C4=rules.FAILS)
    found = records(C1=rules.HOLDS, C2=rules.INCONCLUSIVE, C3=run.ERROR, C4=run.UNJUDGED, C5=rules.HOLDS)

    assert table.moved(found, kept) == [{"id": "C2", "kept": rules.FAILS, "found": rules.INCONCLUSIVE}]
    assert table.told(found, kept)[1:] == ["C2: fails as stated → inconclusive"]
    assert "no verdict moved, of 2" in table.told(kept[:2], kept)[0]
    assert table.told(records(C1=run.UNJUDGED), kept) == []


@pytest.mark.parametrize(("found", "cards"), [(3, True), (4, False)])
def test_few_claims_are_shown_in_full(found, cards):
    records = claims.stored()["claims"][:found]
    console = Console(file=io.StringIO(), width=80)

    claims.show(console, records)

    shown = console.file.getvalue()
    assert ("What holds:" in shown) is cards
    assert max(map(len, shown.splitlines())) <= 80


def test_resume_runs_what_is_missing_or_was_made_otherwise(only_two, tmp_path, monkeypatch):
    ran = []
    real = run._run_one
    monkeypatch.setattr(run, "_run_one", lambda name, *rest: (ran.append(name), real(name, *rest))[1])
    claims.run_claims(out=tmp_path, only="C1")

    claims.run_claims(out=tmp_path, resume=True)
    claims.run_claims(out=tmp_path, only="C1", resume=True, seed=3)
    claims.run_claims(out=tmp_path, only="C1", resume=True, seed=3, quick=True)

    # C2 had not been there; then C1 with another seed; then C1 at another size.
    assert ran == ["C1", "C2", "C1", "C1"]


def test_resume_looks_at_the_files_that_a_study_imports_too(tmp_path):
    for name, text in {
        "study": "from .runs import made\n",
        "runs": "def made():\n    from .numbers import x\n    return x\n",
        "numbers": "from .runs import made\nx = 1\n",
        "another": "x = 2\n",
    }.items():
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")

    found = run._files(tmp_path / "study.py")

    assert {path.stem for path in found} == {"study", "runs", "numbers"}


def test_words_about_a_claim_make_no_record_stale():
    study = '@claim("C1", "3", claim="{}")\ndef f(lab):\n    return {}\n'

    assert run._code(study.format("one", 1)) == run._code(study.format("uno", 1))
    assert run._code(study.format("one", 1)) != run._code(study.format("one", 2))


def test_an_interruption_keeps_what_was_finished(only_two, tmp_path):
    @ledger.claim("C3", "3.3", claim="three", test="wait", **TOLD)
    def stopped(lab):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        claims.run_claims(out=tmp_path)

    assert (tmp_path / "findings" / "C1.json").is_file()
    assert claims.run_claims(out=tmp_path, only="C1", resume=True).records[0]["verdict"] == rules.HOLDS


def test_claims_not_asked_for_stay_in_the_folder(only_two, tmp_path):
    claims.run_claims(out=tmp_path)

    claims.run_claims(out=tmp_path, only="C2")

    stored = json.loads((tmp_path / "claims.json").read_text(encoding="utf-8"))
    assert [r["id"] for r in stored["claims"]] == ["C1", "C2"]


def test_a_fresh_process_gives_the_same_numbers(tmp_path):
    claims.run_claims("C1,C7", quick=True, out=tmp_path / "here")

    code = "from sdesim.cli import main; main()"
    call = [sys.executable, "-c", code, "claims", "--quick", "-q", "--workers", "2", "--only", "C1,C7"]
    subprocess.run(
        [*call, "--out", tmp_path / "there"], check=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )

    assert (tmp_path / "here/claims.json").read_bytes() == (tmp_path / "there/claims.json").read_bytes()
    assert (tmp_path / "here/findings/C1.svg").read_bytes() == (
        tmp_path / "there/findings/C1.svg"
    ).read_bytes()


@pytest.mark.parametrize("text", ["C1;C2", "C0", "C999", "C5-C1", "", "all"])
def test_only_that_names_no_claim_is_refused(text):
    with pytest.raises(SdesimError, match=r"^claims: "):
        claims.choose(text)


def test_only_takes_ids_and_ranges(only_two):
    assert [s.id for s in claims.choose("c2,C1-C2")] == ["C1", "C2"]


def test_command_line_exits_1_where_a_study_broke(only_two, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["sdesim", "claims", "--json", "--out", str(tmp_path)])

    with pytest.raises(SystemExit) as stopped:
        cli.main()

    assert stopped.value.code == 1
    assert json.loads(capsys.readouterr().out)["claims"][1]["verdict"] == "error"


# --- the texts agree ---


def test_committed_results_are_those_of_the_registered_studies():
    known = claims.studies()
    for record in RESULTS["claims"]:
        s = known[record["id"]]
        texts = run._texts(s)
        assert {k: record[k] for k in texts} == texts
        assert record["verdict"] in rules.VERDICTS
    assert (RESULTS["seed"], RESULTS["quick"]) == (0, False)
    assert [r["id"] for r in RESULTS["claims"]] == [f"C{k}" for k in range(1, len(known) + 1)]
    assert list(known) == [r["id"] for r in RESULTS["claims"]]
