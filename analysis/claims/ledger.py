"""The registry of studies: a claim, how it is tested, and the function that tests it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sdesim.errors import SdesimError
from sdesim.estimators import Estimate

from .lab import Lab
from .rules import CONDITIONS, FAILS, Ruling

CLAIMS = 69


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
        id: "C1" to "C69".
        section: of the source document, such as "3.1".
        claim: the claim in one sentence.
        test: the test in one sentence.
        run: (lab) → Finding; its numbers depend on (lab.seed, lab.quick) alone.
        shares: name of the expensive run it uses together with other studies; "" for none.
    """

    id: str
    section: str
    claim: str
    test: str
    run: Callable[[Lab], Finding]
    shares: str = ""

    @property
    def number(self) -> int:
        return int(self.id[1:])

    @property
    def file(self) -> str:
        """The file that holds it, such as "consolidation.py"."""
        return self.run.__module__.rpartition(".")[2] + ".py"


_STUDIES: dict[str, Study] = {}


def claim(
    id: str, section: str, *, claim: str, test: str, shares: str = ""
) -> Callable[[Callable[[Lab], Finding]], Callable[[Lab], Finding]]:
    """Register a function (lab) → Finding as the study of a claim."""

    def register(run: Callable[[Lab], Finding]) -> Callable[[Lab], Finding]:
        if id in _STUDIES:
            raise ValueError(f"two studies are called {id}")
        if not re.fullmatch(r"C[1-9]\d?", id) or int(id[1:]) > CLAIMS:
            raise ValueError(f"a claim is called C1 to C{CLAIMS}, got {id}")
        _STUDIES[id] = Study(id, section, claim, test, run, shares)
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
            raise SdesimError(f"--only: found {part.strip()!r}, allowed: claims such as C1,C5-C9")
        first, last = int(match[1]), int(match[2] or match[1])
        named = [f"C{k}" for k in range(first, last + 1)]
        missing = [name for name in named if name not in known]
        if missing or not named:
            found = missing[0] if missing else part.strip()
            raise SdesimError(f"--only: no claim {found} (there are {_ranges(known)})")
        wanted.update(named)
    return [study for name, study in known.items() if name in wanted]


def _ranges(known: Mapping[str, Study]) -> str:
    numbers = [s.number for s in known.values()]
    starts = [k for k in numbers if k - 1 not in numbers]
    ends = [k for k in numbers if k + 1 not in numbers]
    return ", ".join(f"C{a}" if a == b else f"C{a}-C{b}" for a, b in zip(starts, ends, strict=True))
