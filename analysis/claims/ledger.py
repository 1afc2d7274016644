"""The registry of studies: a claim, how it is tested, and the function that tests it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sdesim.errors import SdesimError
from sdesim.estimators import Estimate

from .lab import Lab
from .rules import CONDITIONS, CONVENTION, FAILS, Ruling

# Characters of a quotation: enough to fix a meaning.
_LONGEST = 170
# What a verdict is made of.
DEDUCED = "deduced"
COUNTER_EXAMPLE = "counter-example"
MEASURED = "measured"
CONVENTIONAL = "convention"
BASES = (DEDUCED, COUNTER_EXAMPLE, MEASURED, CONVENTIONAL)
# Their meanings, for readers.
BASIS_MEANS = {
    DEDUCED: "algebra or a theorem: data cannot change it",
    COUNTER_EXAMPLE: "one case refutes a claim about all cases",
    MEASURED: "an interval against a bound fixed beforehand",
    CONVENTIONAL: "a definition, whose arithmetic was checked",
}
# What changed in a criterion where nothing but chance was taken out.
NOW_EXACT = "Judged by the exact number, in the first edition by a sample of it; the bound is the same."


@dataclass(frozen=True)
class Finding:
    """What a study found.

    Attributes:
        statistics: measured numbers by name, each with interval, method and n.
        ruling: the verdict, by `judge`, `judge_convention` or `untestable`.
        change_mind: what would have to be seen for another verdict.
        sample_size: what the numbers rest on, in words.
        draw: draws the small figure on matplotlib axes.
        corrected: the statement that does hold; needed where the claim fails or holds under conditions.
    """

    statistics: Mapping[str, Estimate]
    ruling: Ruling
    change_mind: str
    sample_size: str
    draw: Callable[[Any], None]
    corrected: str = ""

    def __post_init__(self) -> None:
        if self.ruling.verdict in (CONDITIONS, FAILS) and not self.corrected:
            raise ValueError(f'a claim that "{self.ruling.verdict}" needs its corrected statement')
        if not self.statistics and not self.ruling.reason:
            raise ValueError("a finding needs a statistic")


@dataclass(frozen=True)
class Study:
    """A registered claim.

    Attributes:
        id: "C1", "C2", and so on.
        section: of the source document, such as "3.1".
        claim: the claim in one sentence.
        test: the test in one sentence.
        run: (lab) → Finding; its numbers depend on (lab.seed, lab.quick) alone.
        basis: what its verdict is made of, one of `BASES`. The checks of a deduced claim and of a convention
            are exact: no random number can move them.
        quotation: the shortest piece of the source that fixes what is meant, word by word.
        fair: the strongest fair reading, what a friendly author would have meant, where it is not the
            claim as stated; the ruling's `fair` checks judge it. "" where the two are the same.
        since: the day from which the criterion stands, such as "2026-11-25".
        changed: what was changed in the criterion after a result of the claim had been seen, and why; "" for
            nothing.
        shares: name of the expensive run it uses together with other studies; "" for none.
    """

    id: str
    section: str
    claim: str
    test: str
    run: Callable[[Lab], Finding]
    basis: str
    quotation: str
    since: str
    fair: str = ""
    changed: str = ""
    shares: str = ""

    def check(self, finding: Finding) -> None:
        """Whether a finding is of the kind that the claim is registered as.

        Raises:
            ValueError: a deduced verdict or a convention that a random number could move, a fair reading
                without checks or checks of one that is not told, a convention that calls itself otherwise.
        """
        ruling = finding.ruling
        if self.basis in (DEDUCED, CONVENTIONAL):
            loose = [c.text for c in (*ruling.stated, *ruling.fair) if not c.exact]
            if loose:
                raise ValueError(f"{self.id} is {self.basis}, but this check is measured: {loose[0]}")
        if bool(self.fair) != bool(ruling.fair):
            raise ValueError(f"{self.id}: a fair reading needs its words and its checks")
        if ruling.verdict == CONVENTION and self.basis != CONVENTIONAL:
            raise ValueError(f"{self.id} is judged as a convention, its basis is {self.basis!r}")

    @property
    def number(self) -> int:
        return int(self.id[1:])

    @property
    def file(self) -> str:
        """The file that holds it, such as "consolidation.py"."""
        return self.run.__module__.rpartition(".")[2] + ".py"


_STUDIES: dict[str, Study] = {}


def claim(
    id: str, section: str, *, claim: str, test: str, basis: str, quotation: str, since: str,
    fair: str = "", changed: str = "", shares: str = "",
) -> Callable[[Callable[[Lab], Finding]], Callable[[Lab], Finding]]:  # fmt: skip
    """Register a function (lab) → Finding as the study of a claim; see `Study` for the texts."""

    def register(run: Callable[[Lab], Finding]) -> Callable[[Lab], Finding]:
        if id in _STUDIES:
            raise ValueError(f"two studies are called {id}")
        if not re.fullmatch(r"C[1-9]\d{0,2}", id):
            raise ValueError(f"a claim is called C1, C2 and so on, got {id}")
        if basis not in BASES:
            raise ValueError(f"{id}: basis is one of {', '.join(BASES)}, got {basis!r}")
        if not 0 < len(quotation) <= _LONGEST:
            raise ValueError(f"{id}: a quotation has 1 to {_LONGEST} characters, got {len(quotation)}")
        date.fromisoformat(since)
        _STUDIES[id] = Study(id, section, claim, test, run, basis, quotation, since, fair, changed, shares)
        return run

    return register


def studies() -> dict[str, Study]:
    """Every registered study by id, in the order of the numbers."""
    return dict(sorted(_STUDIES.items(), key=lambda item: item[1].number))


def choose(only: str | None = None) -> list[Study]:
    """The studies named by "C1,C5-C9", all of them by None.

    Raises:
        SdesimError: something that names no study.
    """
    known = studies()
    if only is None:
        return list(known.values())
    wanted: set[str] = set()
    for part in only.split(","):
        match = re.fullmatch(r"\s*[Cc]?(\d+)(?:\s*-\s*[Cc]?(\d+))?\s*", part)
        if match is None:
            raise SdesimError(f"claims: found {part.strip()!r}, allowed: claims such as C1,C5-C9")
        first, last = int(match[1]), int(match[2] or match[1])
        named = [f"C{k}" for k in range(first, last + 1)]
        missing = [name for name in named if name not in known]
        if missing or not named:
            found = missing[0] if missing else part.strip()
            raise SdesimError(f"claims: no claim {found} (there are {_ranges(known)})")
        wanted.update(named)
    return [study for name, study in known.items() if name in wanted]


def _ranges(known: Mapping[str, Study]) -> str:
    numbers = [s.number for s in known.values()]
    starts = [k for k in numbers if k - 1 not in numbers]
    ends = [k for k in numbers if k + 1 not in numbers]
    return ", ".join(f"C{a}" if a == b else f"C{a}-C{b}" for a, b in zip(starts, ends, strict=True))
