"""The answer of the ledger in one sentence, computed from its verdicts alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sdesim.report.headline import Headline
from sdesim.report.words import counted, listed

from .rules import CONDITIONS, CONVENTION, FAILS, HOLDS, INCONCLUSIVE
from .run import ERROR, UNJUDGED

# What one claim of a verdict does, and several.
_VERBS = {
    HOLDS: ("holds as stated", "hold as stated"),
    CONDITIONS: ("holds under conditions", "hold under conditions"),
    FAILS: ("fails as stated", "fail as stated"),
    CONVENTION: ("is a convention", "are conventions"),
    INCONCLUSIVE: ("can't be decided at this size", "can't be decided at this size"),
    ERROR: ("has a study that broke", "have studies that broke"),
}
_MOST_NAMED = 12


def ledger_headline(ledger: Mapping[str, Any]) -> Headline:
    """How many claims hold, and which; what comes of those that do not.

    A ledger of small sizes judges nothing. Else the sentence counts verdicts, and the evidence names the
    claims of a verdict and counts those whose corrected statement was seen.

    Args:
        ledger: the content of claims.json (quick, claims).
    """
    claims: Sequence[Mapping[str, Any]] = ledger["claims"]
    of = counted(len(claims), "claim")
    if not claims:
        return Headline("ledger", "No claim was put to the test.", ())
    if ledger["quick"] or all(c["verdict"] == UNJUDGED for c in claims):
        return Headline("quick", f"A trial of {of} at small sizes, which judges nothing.", _broken(claims))
    found = Counter(c["verdict"] for c in claims)
    if len(claims) == 1:
        verdict = claims[0]["verdict"]
        return Headline("ledger", f"Claim {claims[0]['id']} {_VERBS[verdict][0]}.", _broken(claims))
    told = [f"{found[v] or 'none'} {_VERBS[v][found[v] != 1]}" for v in _VERBS if found[v] or v == HOLDS]
    sentence = f"Of {of} {listed([told[0].replace('none hold', 'none holds'), *told[1:]])}."
    return Headline("ledger", sentence, (*_named(claims), *_corrected(claims), *_broken(claims)))


def _named(claims: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The claims that hold, and those that hold under conditions, where they are few."""
    by = {v: [c["id"] for c in claims if c["verdict"] == v] for v in (HOLDS, CONDITIONS, INCONCLUSIVE)}
    words = {HOLDS: "Holds as stated", CONDITIONS: "Under conditions", INCONCLUSIVE: "Not decided"}
    told = [f"{words[v]}: {listed(ids)}." for v, ids in by.items() if 0 < len(ids) <= _MOST_NAMED]
    return (" ".join(told),) if told else ()


def _corrected(claims: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Of the claims that fail, for how many what is said to hold instead was seen in full."""
    failed = [c for c in claims if c["verdict"] == FAILS]
    seen = [c for c in failed if (checks := c.get("corrected_checks")) and all(x["holds"] for x in checks)]
    if not failed:
        return ()
    return (
        f"Of the {len(failed)} that fail, what is said to hold instead was seen in every check for"
        f" {len(seen)}. A claim fails where an interval shows the opposite of a thing that it states.",
    )


def _broken(claims: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    broken = [c["id"] for c in claims if c["verdict"] == ERROR]
    return (f"Broke: {listed(broken)}.",) if broken else ()
