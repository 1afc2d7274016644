"""The ledger's answer in one sentence: it counts verdicts and says no more."""

import re
from collections import Counter
from importlib import import_module

from hypothesis import given, settings
from hypothesis import strategies as st

from sdesim.shipped import study

claims = study("claims")
rules = import_module("sdesim_claims.rules")
run = import_module("sdesim_claims.run")
ledger_headline = import_module("sdesim_claims.headline").ledger_headline

VERDICTS = (*rules.VERDICTS, run.ERROR)
# What stands behind the number of each verdict, of one claim and of several.
SAID = {
    rules.HOLDS: "holds? as stated",
    rules.CONDITIONS: "holds? under conditions",
    rules.FAILS: "fails? as stated",
    rules.CONVENTION: "(?:is a convention|are conventions)",
    rules.INCONCLUSIVE: "can't be decided at this size",
    run.ERROR: "(?:has a study|have studies) that broke",
}


def ledger(verdicts, quick=False):
    claims = [{"id": f"C{k}", "verdict": v} for k, v in enumerate(verdicts, 1)]
    return {"quick": quick, "claims": claims}


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(VERDICTS), min_size=2, max_size=30))
def test_the_sentence_counts_every_verdict_and_the_counts_add_up(verdicts):
    told = ledger_headline(ledger(verdicts))

    found = Counter(verdicts)
    for verdict, words in SAID.items():
        counted = re.search(rf"(\d+|none) {words}", told.sentence)
        assert (counted is not None) == (found[verdict] > 0 or verdict == rules.HOLDS)
        if counted is not None:
            assert counted[1] == (str(found[verdict]) if found[verdict] else "none")
    # A claim is named by its own verdict alone.
    for line in told.evidence:
        for part, verdict in (("Holds as stated: ", rules.HOLDS), ("Under conditions: ", rules.CONDITIONS)):
            if part in line:
                named = re.findall(r"C\d+", line.partition(part)[2].partition(".")[0])
                assert named == [f"C{k}" for k, v in enumerate(verdicts, 1) if v == verdict]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from((*VERDICTS, run.UNJUDGED)), min_size=1, max_size=5))
def test_small_sizes_judge_nothing_whatever_stands_in_the_records(verdicts):
    told = ledger_headline(ledger(verdicts, quick=True))

    assert told.kind == "quick"
    assert "judges nothing" in told.sentence
    assert "hold" not in told.sentence


def test_one_claim_is_told_by_its_verdict_and_none_as_none():
    assert ledger_headline(ledger([rules.FAILS])).sentence == "Claim C1 fails as stated."
    assert ledger_headline(ledger([])).sentence == "No claim was put to the test."
    broken = ledger_headline(ledger([rules.HOLDS, run.ERROR]))
    assert broken.sentence == "Of two claims 1 holds as stated and 1 has a study that broke."
    assert broken.evidence[-1] == "Broke: C2."


def test_a_corrected_statement_counts_where_all_of_its_checks_hold():
    found = ledger([rules.FAILS] * 3)
    for claim, holds in zip(found["claims"], ([True, True], [True, None], []), strict=True):
        claim["corrected_checks"] = [{"text": "t", "holds": h} for h in holds]

    assert "what is said to hold instead was seen in every check for 1." in ledger_headline(found).evidence[0]


def test_the_shipped_ledger_has_its_sentence():
    found = claims.stored()

    hold = sum(c["verdict"] == rules.HOLDS for c in found["claims"])
    assert ledger_headline(found).sentence.startswith(
        f"Of {len(claims.studies())} claims {hold} hold as stated"
    )
