"""The ledger as Markdown: the page docs/theory/claims.md, its picture, the lines in the README."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .headline import ledger_headline
from .ledger import BASES, BASIS_MEANS
from .rules import HOLDS
from .strip import strip
from .table import MARKS, parts

_STUDIES = "../../analysis/claims"
_HOW = """\
No verdict is written down: each follows from the checks shown with it (✓ seen, ✗ the opposite seen,
? neither). Brackets are 99% intervals where nothing else is said. `sdesim claims C5` runs one study,
`sdesim claims --seed 2` all of them with other random numbers, and says which verdicts moved;
`make claims` writes this page anew ([how a study is made](../../analysis/claims/README.md))."""
Record = Mapping[str, Any]


def claims_page(ledger: Mapping[str, Any]) -> str:
    """The text of docs/theory/claims.md: the sentence, the picture, a table, and a part for each claim.

    Args:
        ledger: the content of claims.json, or what `stored` gives.
    """
    records = ledger["claims"]
    told = ledger_headline(ledger)
    return "\n".join(
        [
            "# The claims, put to the test",
            "",
            f"{told.sentence}",
            *told.evidence,
            "What a practitioner can use of it: [what survives](what-survives.md).",
            "",
            "![A mark for each claim, by section of the source](claims.svg)",
            "",
            "*Colour: the verdict. Shape: what it is made of.*",
            "",
            *_bases(records),
            "",
            *_HOW.splitlines(),
            *seeds_told(records, ledger.get("seeds", {})),
            "",
            "| | § | claim | verdict | basis | what decides |",
            "|---|---|---|---|---|---|",
            *(_row(r) for r in records),
            "",
            *(line for r in records for line in _claim(r)),
        ]
    )


def _bases(records: Sequence[Record]) -> list[str]:
    counts = {b: sum(r["basis"] == b for r in records) for b in BASES}
    return [f"- **{b}** ({counts[b]}): {BASIS_MEANS[b]}." for b in BASES if counts[b]]


def _row(r: Record) -> str:
    cells = (r["section"], r["claim"], r["verdict"], r["basis"], deciding(r))
    return f"| [{r['id']}](#{r['id'].lower()}) | {' | '.join(map(_cell, cells))} |"


def deciding(r: Record) -> str:
    """The check that the verdict hangs on: the first refuted, else the first left open, else the first."""
    checks = r.get("stated") or []
    for outcome in (False, None, True):
        for c in checks:
            if c["holds"] is outcome:
                return str(c["text"])
    return str(r.get("reason", ""))


def _claim(r: Record) -> list[str]:
    lines = [f"### {r['id']}", "", f"**{_text(r['claim'])}**", ""]
    lines += [
        f"*{r['verdict']}* · {r['basis']} · § {r['section']} · [the study]({_STUDIES}/{r['study']})",
        "",
    ]
    for title, words, checks in parts(r):
        lines.append(f"- {title}{f' {_text(words)}' if words else ''}")
        lines += [f"  - {MARKS[c['holds']]} {_text(c['text'])}" for c in checks]
    return [*lines, "", f"![{_text(r['claim'])}]({_STUDIES}/results/findings/{r['id']}.svg)", ""]


def picture(ledger: Mapping[str, Any]) -> str:
    """The text of docs/theory/claims.svg."""
    return strip(ledger["claims"])


def summary(ledger: Mapping[str, Any]) -> str:
    """Five lines for the README."""
    records = ledger["claims"]
    counts = ", ".join(f"{sum(r['basis'] == b for r in records)} {b}" for b in BASES)
    friendly = [r for r in records if r["fair_verdict"]]
    kinder = sum(r["fair_verdict"] == HOLDS for r in friendly)
    lines = [
        ledger_headline(ledger).sentence,
        f"What they are made of: {counts}. Data can change what is measured, and only that.",
        f"Of {len(friendly)} claims the strongest fair reading was judged too: {kinder} hold in it.",
        *seeds_told(records, ledger.get("seeds", {})),
        "[Every claim with its numbers](docs/theory/claims.md);"
        " [what survives](docs/theory/what-survives.md) can be used.",
    ]
    return "\n".join(f"- {line}" for line in lines)


def seeds_told(records: Sequence[Record], seeds: Mapping[str, Mapping[str, str]]) -> list[str]:
    """One line: at which other seeds every verdict is the same, and which claims move.

    Args:
        records: of seed 0.
        seeds: seed → verdict by claim.
    """
    if not seeds:
        return []
    moves = {
        r["id"]: [f"{found[r['id']]} at seed {seed}" for seed, found in sorted(seeds.items())
                  if found.get(r["id"], r["verdict"]) != r["verdict"]]
        for r in records
    }  # fmt: skip
    moved = [f"{name} ({', '.join(told)})" for name, told in moves.items() if told]
    same = f"{len(records) - len(moved)} of {len(records)}"
    ending = f"; others: {', '.join(moved)}" if moved else ""
    return [f"The same verdict at seeds 0, {', '.join(sorted(seeds))}: {same}{ending}."]


def _text(text: str) -> str:
    """Words as they are: no sign of theirs formats the page."""
    for sign in "\\`*_<[":
        text = text.replace(sign, "\\" + sign)
    return text


def _cell(text: str) -> str:
    return _text(text).replace("|", "\\|")
