"""Rules from numbers to a verdict: no study writes its verdict down, it states what must be seen for each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sdesim.estimators import Estimate
from sdesim.estimators.core.power import interval_power

HOLDS = "holds"
CONDITIONS = "holds under conditions"
FAILS = "fails as stated"
CONVENTION = "convention"
INCONCLUSIVE = "inconclusive"
VERDICTS = (HOLDS, CONDITIONS, FAILS, CONVENTION, INCONCLUSIVE)


@dataclass(frozen=True)
class Check:
    """One statement about a number.

    Attributes:
        text: the statement, with the number; where its interval decides nothing, which distance from the
            bound would have been seen with probability 0.9, and the sample for the one measured.
        holds: whether the interval shows it (True), shows the opposite (False) or neither (None).
        exact: whether it is algebra, symbolic or in plain arithmetic, so that no random number can move it.
    """

    text: str
    holds: bool | None
    exact: bool = False


@dataclass(frozen=True)
class Ruling:
    """A verdict and the checks that it follows from.

    Attributes:
        verdict: one of `VERDICTS`.
        stated, fair, corrected: checks of the claim as stated, of its strongest fair reading, and of the
            corrected statement; the last don't move the verdict and are shown beside it.
        reason: why nothing could be tested, else empty.
    """

    verdict: str
    stated: tuple[Check, ...] = ()
    fair: tuple[Check, ...] = ()
    corrected: tuple[Check, ...] = ()
    reason: str = ""

    @property
    def fair_verdict(self) -> str:
        """The verdict on the fair reading by itself, "" where there is no other than the claim as stated."""
        if not self.fair:
            return ""
        if all(c.holds for c in self.fair):
            return HOLDS
        return FAILS if any(c.holds is False for c in self.fair) else INCONCLUSIVE


def judge(stated: Sequence[Check], fair: Sequence[Check] = (), corrected: Sequence[Check] = ()) -> Ruling:
    """The verdict on a claim.

    All of `stated` hold: "holds". Else all of `fair` hold: "holds under conditions", those of the fair
    reading. Else one of `stated` is refuted: "fails as stated". Otherwise "inconclusive".
    """
    if not stated:
        raise ValueError("a claim needs at least one check as stated")
    if all(c.holds for c in stated):
        verdict = HOLDS
    elif fair and all(c.holds for c in fair):
        verdict = CONDITIONS
    else:
        verdict = FAILS if any(c.holds is False for c in stated) else INCONCLUSIVE
    return Ruling(verdict, tuple(stated), tuple(fair), tuple(corrected))


def judge_convention(identities: Sequence[Check], corrected: Sequence[Check] = ()) -> Ruling:
    """The verdict on a definition: "convention" where its own arithmetic holds, else "fails as stated"."""
    ruling = judge(identities, (), corrected)
    verdict = CONVENTION if ruling.verdict == HOLDS else ruling.verdict
    return Ruling(verdict, ruling.stated, (), ruling.corrected)


def untestable(reason: str) -> Ruling:
    """The verdict on what can't be tested here, with the reason why."""
    if not reason:
        raise ValueError("say why the claim can't be tested")
    return Ruling(INCONCLUSIVE, reason=reason)


def above(name: str, e: Estimate, bound: float) -> Check:
    """The whole interval lies above the bound; False when it lies below."""
    return _checked(f"{name} > {bound:.4g}: {_shown(e)}", _side(*_ends(e), bound), e, bound)


def below(name: str, e: Estimate, bound: float) -> Check:
    """The whole interval lies below the bound; False when it lies above."""
    low, high = _ends(e)
    return _checked(f"{name} < {bound:.4g}: {_shown(e)}", _side(-high, -low, -bound), e, bound)


def near(name: str, e: Estimate, value: float, tolerance: float) -> Check:
    """Equivalence: the interval lies within value ± tolerance; False when it lies wholly outside."""
    low, high = _ends(e)
    holds: bool | None = None
    if low >= value - tolerance and high <= value + tolerance:
        holds = True
    elif high < value - tolerance or low > value + tolerance:
        holds = False
    bounds = value - tolerance, value + tolerance
    return _checked(f"{name} = {value:.4g} ± {tolerance:.2g}: {_shown(e)}", holds, e, *bounds)


def outside(name: str, e: Estimate, value: float, tolerance: float) -> Check:
    """The opposite of `near`: the interval lies wholly outside value ± tolerance."""
    inside = near(name, e, value, tolerance).holds
    text, bounds = (
        f"{name} ≠ {value:.4g} ± {tolerance:.2g}: {_shown(e)}",
        (value - tolerance, value + tolerance),
    )
    return _checked(text, None if inside is None else not inside, e, *bounds)


def consistent(name: str, e: Estimate, value: float) -> Check:
    """The interval holds the value; for a prediction that is exact, where no tolerance is due."""
    holds = None if math.isnan(e.low) else bool(e.low <= value <= e.high)
    return Check(f"{name} = {value:.4g}: {_shown(e)}", holds)


def whether(text: str, holds: bool | None) -> Check:
    """A check decided outside, from measured numbers."""
    return Check(text, None if holds is None else bool(holds))


def proved(text: str, holds: bool) -> Check:
    """A check by algebra: an identity of symbols, or of numbers that are computed and not drawn."""
    return Check(text, bool(holds), exact=True)


def together(text: str, checks: Sequence[Check]) -> Check:
    """Many checks of one kind in one line: True where all hold, False where one is refuted."""
    held, refuted = sum(c.holds is True for c in checks), [c for c in checks if c.holds is False]
    holds = False if refuted else True if held == len(checks) else None
    open_ones = refuted or [c for c in checks if c.holds is None]
    example = f"; {open_ones[0].text}" if open_ones else ""
    return Check(f"{text}: {held} of {len(checks)}{example}", holds, all(c.exact for c in checks))


def _checked(text: str, holds: bool | None, e: Estimate, *bounds: float) -> Check:
    """A check of an interval; where it spans a bound, with what it would have taken to decide."""
    spanned = [b for b in bounds if e.low <= b <= e.high]
    if holds is not None or not spanned:
        return Check(text, holds)
    bound = min(spanned, key=lambda b: abs(b - e.value))
    return Check(f"{text}; {interval_power(e.value, e.low, e.high, bound, e.n, e.level).text}", holds)


def _ends(e: Estimate) -> tuple[float, float]:
    """The interval, or nothing known where there is none."""
    return (e.low, e.high) if not math.isnan(e.low) else (-math.inf, math.inf)


def _side(low: float, high: float, bound: float) -> bool | None:
    return True if low > bound else False if high < bound else None


def _shown(e: Estimate) -> str:
    if math.isnan(e.low):
        return f"{e.value:.4g} (no interval)"
    return f"{e.value:.4g}" if e.low == e.high else f"{e.value:.4g} [{e.low:.4g}, {e.high:.4g}]"
