"""The answer of a run in one sentence, with two lines of evidence, computed from its summary alone.

The sentence counts verdicts and quotes values; it never says more than they do.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sdesim.report.words import capitalised, condition, counted, interval, listed, number, plain
from sdesim.runs.quantities import independent, lookup
from sdesim.runs.quantity_row import GROUP

Summary = Mapping[str, Any]
_FEW_REAL = 3
# What of an arm is quoted where nothing was expected or compared: the first that it has.
_QUOTED = ("exit_time.mean", "test_accuracy", "train_accuracy", "loss")
_COMPARED = ("twin_distance.", "twin_margin.")
_LONGEST = 170
_MOMENTS = {"end": "the end", "start": "the start"}


@dataclass(frozen=True)
class Headline:
    """What a run answers.

    Attributes:
        kind: what the answer is about: "quick", "comparison", "expectations", "training" or "simulation".
        sentence: the answer.
        evidence: further sentences: the values behind it, and what a run of this size could not have seen.
    """

    kind: str
    sentence: str
    evidence: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """For summary.json."""
        return {**asdict(self), "evidence": list(self.evidence)}


def headline(summary: Summary) -> Headline:
    """The answer of a run.

    A run at small sizes answers nothing. Else, where the scenario expects how far simulations are from
    training (``twin_distance``, ``twin_margin``), or compares and expects nothing, the verdicts answer;
    where it expects, the outcomes do; where neither, the values at the end are quoted.

    Args:
        summary: the content of summary.json.
    """
    told = _answer(summary)
    if any(a["kind"] == "real" for a in (summary.get("arms") or {}).values()):
        return told
    # Without a training there is no training loss.
    sentence, *evidence = (t.replace("training loss", "loss") for t in (told.sentence, *told.evidence))
    return Headline(told.kind, sentence, tuple(evidence))


def _answer(summary: Summary) -> Headline:
    compared, expected = summary.get("comparisons") or [], summary.get("expectations") or []
    if summary.get("quick"):
        return Headline("quick", *_of_quick(compared, expected))
    asked = any(e["quantity"].startswith(_COMPARED) for e in expected)
    if compared and (asked or not expected):
        return Headline("comparison", *_of_comparisons(compared, expected))
    if expected:
        return Headline("expectations", *_of_expectations(expected, compared))
    arms = summary.get("arms") or {}
    trained = bool(arms) and all(a["kind"] == "real" for a in arms.values())
    return Headline("training" if trained else "simulation", *_of_arms(arms))


def sweep_headline(summary: Summary) -> Headline:
    """The answer of a sweep: whether what the scenario expects holds at its points, and laws along axes.

    Args:
        summary: the content of a sweep's summary.json.
    """
    points = summary["points"]
    sizes = " × ".join(f"{a['label'].replace('_', ' ')} ({len(a['values'])})" for a in summary["axes"])
    over = f"{len(points)} point{'' if len(points) == 1 else 's'} of {sizes}"
    if summary.get("quick"):
        return Headline("quick", f"A trial of {over} at small sizes, which judges nothing.", ())
    laws = [
        f"the {plain(f['quantity'])} of {f['arm']}{_moment_of(f)} {_law(f).format(interval(f, 3))}"
        + (f" at {f['held']}" if f["held"] else "")
        + (f" ({listed([flag.replace('_', ' ') for flag in f['flags']])})" if f["flags"] else "")
        for f in summary.get("fits") or []
    ]
    outcomes = [o for p in points for o in p.get("outcomes") or []]
    if outcomes:
        met = sum(o == "met" for o in outcomes)
        missed = sum(o == "missed" for o in outcomes)
        rest = len(outcomes) - met - missed
        told = [f"{met} of {len(outcomes)} outcomes met"]
        told += [f"{n} {word}" for n, word in ((missed, "missed"), (rest, "undecided")) if n]
        sentence = f"Over {over}, what the scenario expects: {listed(told)}."
        whole = met == len(outcomes) and all(p.get("outcomes") for p in points)
        if whole and (whys := list(_short(str(w).rstrip(".") for w in summary.get("expected") or [] if w))):
            among = ", among them" if len(whys) < len(summary["expected"]) else ""
            sentence = f"Over {over} all {met} outcomes are met{among}: {'; '.join(whys)}."
    elif laws:
        sentence, laws = f"Over {over}, {laws[0]}.", laws[1:]
    else:
        sentence = f"{capitalised(over)} ran; nothing was expected of them."
    failed = [p["name"] for p in points if p["state"] == "failed"]
    count = capitalised(counted(len(failed), "point"))
    evidence = [f"{count} could not be run: {listed(failed[:3])}."] if failed else []
    evidence += [f"{capitalised(law)}." for law in laws[:3]]
    return Headline("sweep", sentence, tuple(evidence))


def _law(fit: Mapping[str, Any]) -> str:
    """What a law says, with {} in the place of its number."""
    return str(fit.get("said", f"goes as {fit['axis']} to the power {{}}"))


def _moment_of(fit: Mapping[str, Any]) -> str:
    return {"end": " at the end", "mean": " on average"}.get(str(fit.get("at", "")), "")


def tally(comparison: Mapping[str, Any]) -> dict[str, list[str]]:
    """Names of the independent quantities of a comparison by what is said of them."""
    found: dict[str, list[str]] = {"differs": [], "undecided": [], "indistinguishable": [], "equal": []}
    for name in independent(comparison["quantities"]):
        found[said_of(comparison["quantities"][name])].append(name)
    return found


def said_of(cell: Mapping[str, Any]) -> str:
    """What both tests together say of a quantity: "equal" where that is shown and no difference is, else the
    outcome."""
    shown = bool((cell.get("equivalence") or {}).get("shown"))
    return "equal" if shown and cell["outcome"] != "differs" else str(cell["outcome"])


def spreads(margin: float) -> str:
    """ "1 spread", "0.5 spreads"."""
    return f"{margin:g} {'spread' if margin == 1 else 'spreads'}"


def _of_quick(
    compared: Sequence[Mapping[str, Any]], expected: Sequence[Mapping[str, Any]]
) -> tuple[str, tuple[str, ...]]:
    told = [f"{counted(len(expected), 'expectation')} looked at"] if expected else []
    told += [f"{counted(len(compared), 'simulation')} held against training"] if compared else []
    done = f"; {listed(told)}, for the look of it" if told else ""
    return f"A trial at small sizes, which judges nothing{done}.", ("Run it without quick for an answer.",)


def _of_comparisons(
    compared: Sequence[Mapping[str, Any]], expected: Sequence[Mapping[str, Any]]
) -> tuple[str, tuple[str, ...]]:
    counts = {c["simulated"]: tally(c) for c in compared}
    reals = list(dict.fromkeys(c["real"] for c in compared))
    of = f"real training ({listed(reals)})" if len(reals) == 1 else "real training"
    if not any(told[o] for told in counts.values() for o in ("differs", "indistinguishable", "equal")):
        few = min(_real_seeds(c) for c in compared) < _FEW_REAL
        why = f"fewer than {_FEW_REAL} real seeds give no yardstick" if few else "all verdicts are undecided"
        return (
            f"Nothing is settled between {counted(len(compared), 'simulation')} and {of}: {why}.",
            tuple(_blind(compared)),
        )
    least = min(len(t["differs"]) for t in counts.values())
    best = [name for name, t in counts.items() if len(t["differs"]) == least]
    margin = next((c["margin"] for c in compared if c.get("margin")), 1.0)
    sentence = _sentence(counts, best, least, of, margin)
    evidence = [*_strongest(compared, best), *_open(compared, best), *_whole(compared)]
    missed = [e for e in expected if e["outcome"] == "missed"]
    if missed:
        evidence.append(f"{len(missed)} of {_expectations(expected)} missed: {found(missed[0])}.")
    return sentence, (*evidence, *_blind(compared))


def _sentence(
    counts: Mapping[str, dict[str, list[str]]], best: list[str], least: int, of: str, margin: float
) -> str:
    scores = {name: _score(told, margin) for name, told in counts.items()}
    if len(counts) == 1:
        return f"{best[0]} is told apart from {of} {scores[best[0]]}."
    several = "Both simulations" if len(counts) == 2 else f"All {counted(len(counts), 'simulation')}"
    if len(set(scores.values())) == 1:
        return f"{several} are told apart from {of} {scores[best[0]]}."
    many = f"Of {counted(len(counts), 'simulation')}"
    if len(best) == len(counts):
        each = listed([f"{name} {scores[name]}" for name in best])
        return f"{many} none is told apart from {of} in fewer quantities than another: {each}."
    if len(best) > 1:
        tied = listed([f"{name} {scores[name]}" for name in best])
        return f"{many} {len(best)} are told apart from {of} in the fewest quantities: {tied}."
    others = [len(t["differs"]) for name, t in counts.items() if name not in best]
    rest = str(others[0]) if len(set(others)) == 1 else f"{min(others)} to {max(others)}"
    verb = "the other" if len(others) == 1 else "the others"
    return f"{many}, {best[0]} is told apart from {of} the least: {scores[best[0]]}; {verb} in {rest}."


def _score(told: Mapping[str, list[str]], margin: float) -> str:
    """ "in 3 of 10 quantities (a, b and c)", "in none of 10 quantities (6 equal within 1 spread)"."""
    total = sum(map(len, told.values()))
    of = f"of {total} quantities" if total != 1 else "of 1 quantity"
    notes = [listed([plain(q) for q in told["differs"]])] if 0 < len(told["differs"]) <= 3 else []
    notes += [f"{len(told['equal'])} equal within {spreads(margin)}"] if told["equal"] else []
    notes += [f"{len(told['undecided'])} undecided"] if told["undecided"] else []
    return f"in {len(told['differs']) or 'none'} {of}" + (f" ({'; '.join(notes)})" if notes else "")


def _strongest(compared: Sequence[Mapping[str, Any]], best: Sequence[str]) -> Iterator[str]:
    """Of each simulation but the best the quantity that is farthest off, with its effect."""
    others = [c for c in compared if c["simulated"] not in best] or list(compared)
    told = []
    for c in others:
        off = [(c["quantities"][q]["distance"] or 0.0, q) for q in tally(c)["differs"]]
        if off:
            name = max(off)[1]
            told.append(f"{plain(name)} of {c['simulated']} is {effect(c['quantities'][name])}")
    if told:
        yield f"Farthest off: {'; '.join(told[:2])}, on average over the run."


def _open(compared: Sequence[Mapping[str, Any]], best: Sequence[str]) -> Iterator[str]:
    for c in compared:
        if c["simulated"] in best and (names := tally(c)["undecided"]):
            yield f"Undecided for {c['simulated']}: {listed([plain(q) for q in names])}."


def _whole(compared: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Which simulations' whole paths are told from the real ones, and which not."""
    tests = [(c["simulated"], c["paths"]) for c in compared if c.get("paths")]
    parts = []
    for outcome, words in (("differs", "are told apart"), ("indistinguishable", "are not told apart")):
        of = [(name, f"p = {number(t['p_value'], 2)}") for name, t in tests if t["outcome"] == outcome]
        if len(of) > 1 and len({p for _, p in of}) == 1:
            who = f"all {len(of)}" if len(of) == len(tests) else listed([name for name, _ in of])
            parts.append(f"{who} {words} ({of[0][1]} each)")
        elif of:
            parts.append(f"{listed([f'{name} ({p})' for name, p in of])} {words}")
    if parts:
        yield f"As whole paths, {'; '.join(parts)}."


def _blind(compared: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What this number of seeds could not have seen: the largest of the differences seen with probability
    0.9 among what is neither told apart nor equal, and the largest margin of equality that they can show."""
    open_ones = [
        (c["quantities"][name], name, c)
        for c in compared
        for name in independent(c["quantities"])
        if said_of(c["quantities"][name]) not in ("differs", "equal")
    ]
    seen = [
        (power["difference"], name, c["simulated"], power["probability"])
        for cell, name, c in open_ones
        if (power := cell.get("power")) and isinstance(power.get("difference"), float)
    ]
    seen = [s for s in seen if math.isfinite(s[0])]
    if seen:
        difference, name, arm, probability = max(seen)
        yield (
            f"Not told apart is not equal: of {plain(name)} of {arm} these seeds see a constant difference "
            f"of {difference:.2g} spreads with probability {probability:g}."
        )
    found = [(q, c["margin"]) for cell, _, c in open_ones if (q := cell.get("equivalence"))]
    found = [f for f in found if isinstance(f[0].get("detectable"), float)]
    if found:
        widest, margin = max(found, key=lambda f: f[0]["detectable"])
        if widest["detectable"] > margin:
            needed = [q["needed"] for q, _ in found]
            most = None if None in needed else max(needed)
            take = "more than a thousand" if most is None else f"{most:,}"
            yield (
                f"Of arms of equal law these seeds show that they are within "
                f"{number(widest['detectable'], 2)} spreads with probability 0.9; "
                f"for {spreads(margin)} it takes {take} seeds each."
            )


def effect(cell: Mapping[str, Any]) -> str:
    """ "2.1 [1.7, 2.6] times the real value", or "0.3 [0.1, 0.5] above it", "below it"."""
    value, low, high = cell["effect"]
    ratio = cell["effect_kind"] == "ratio"
    if value is None:
        return "not known in size"
    if cell["outcome"] == "differs" and low is not None and low <= (1 if ratio else 0) <= high:
        of = "times" if ratio else "from"
        return f"alike on average ({_of_three(value, low, high)} {of} the real one), but not at all times"
    if ratio:
        return f"{_of_three(value, low, high)} times the real one"
    side = "above" if value >= 0 else "below"
    ends = (low, high) if value >= 0 else (_minus(high), _minus(low))
    return f"{_of_three(abs(value), *ends)} {side} the real one"


def _minus(x: float | None) -> float | None:
    return None if x is None else -x


def _of_three(value: Any, low: Any, high: Any) -> str:
    """With as many digits as tell the ends from the value, at least two."""
    item = {"value": value, "low": low, "high": high}
    texts = [interval(item, digits) for digits in (2, 3, 4)]
    return next((t for t in texts if "[" in t and len({*t.replace("[", "").split()}) > 1), texts[0])


def _real_seeds(comparison: Mapping[str, Any]) -> int:
    return min((q["real"]["n"] for q in comparison["quantities"].values()), default=0)


def _of_expectations(
    expected: Sequence[Mapping[str, Any]], compared: Sequence[Mapping[str, Any]]
) -> tuple[str, tuple[str, ...]]:
    by = {o: [e for e in expected if e["outcome"] == o] for o in ("met", "missed", "undecided")}
    total, alone = _expectations(expected), len(expected) == 1
    evidence: list[str] = []
    quoted: list[str] = []
    if by["missed"]:
        first = by["missed"][0]
        head = "The expectation is missed" if alone else f"{len(by['missed'])} of {total} missed"
        sentence = f"{head}: {found(first)}, asked {first['condition']}."
        evidence += [f"Missed too: {found(e)}, asked {e['condition']}." for e in by["missed"][1:3]]
    elif by["undecided"]:
        first = by["undecided"][0]
        many = f"Of {total} {len(by['undecided'])} can't be decided, none is missed"
        head = "The expectation can't be decided" if alone else many
        sentence = f"{head}: {found(first)}, asked {first['condition']}."
    else:
        quoted = list(_said(by["met"]))
        head = "The expectation is met" if alone else f"All {total} are met"
        head += ", among them" if len(quoted) < len(by["met"]) else ""
        sentence = f"{head}: {'; '.join(quoted)}."
    values = [text for e in by["met"] if (text := found(e)) not in quoted]
    evidence += [f"{capitalised(text)}." for text in values[:2]]
    if compared and not by["missed"]:
        evidence += list(_blind(compared))
    return sentence, tuple(evidence)


def _expectations(expected: Sequence[Any]) -> str:
    return f"{len(expected)} expectation{'' if len(expected) == 1 else 's'}"


def _said(met: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What the first expectations say, as the scenario words them, else as values, while it is short."""
    return _short(reason(e) or found(e) for e in met)


def _short(parts: Iterable[str]) -> Iterator[str]:
    """The first of the parts, while they are short together."""
    length = 0
    for part in parts:
        length += len(part)
        if length > _LONGEST and length > len(part):
            return
        yield part


def reason(expectation: Mapping[str, Any]) -> str:
    """Why the scenario expects it, in its own words, without what was added to an outcome."""
    return str(expectation.get("reason") or "").rstrip(".")


def found(expectation: Mapping[str, Any]) -> str:
    """ "mean exit time of levy is 372 [330, 420]"."""
    at = expectation.get("at", "end")
    # Of a whole run, or a moment by itself.
    row = lookup(str(expectation["quantity"]).partition(" ")[0])
    timed = row is not None and (row.stepped or row.probed or row.dims == GROUP)
    when = f" at {_moment(at)}" if timed else ""
    low = number(expectation.get("low"))
    value = interval(expectation) if number(expectation.get("value")) != "–" else "not known"
    value = f"above {low}" if value == "not known" and low not in ("–", "−∞") else value
    name, gap, rest = str(expectation["quantity"]).partition(" ")
    return f"{plain(name)} of {expectation['arm']}{gap}{condition(rest)}{when} is {value}"


def _moment(at: Any) -> str:
    """ "the end", "step 300", or the first moment of a condition."""
    text = str(at)
    return _MOMENTS.get(text) or (f"step {text}" if text.isdigit() else condition(text))


def _of_arms(arms: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    told = list(_quotes(arms))
    if not told:
        count = counted(len(arms), "arm")
        return f"{capitalised(count)} ran to the end; nothing was expected of them.", ()
    first, *more = told
    head = f"{capitalised(first)}" + (f"; {more[0]}" if more else "")
    return f"{head}.", tuple(f"{capitalised(m)}." for m in more[1:3])


def _quotes(arms: Mapping[str, Any]) -> Iterable[str]:
    for name, arm in arms.items():
        values = {**(arm.get("end") or {}), **(arm.get("whole") or {})}
        for quantity in _QUOTED:
            if quantity in values and number(values[quantity].get("value")) != "–":
                when = " at the end" if quantity in (arm.get("end") or {}) else ""
                middle = "mean_infinite" in (values[quantity].get("flags") or ())
                what = f"median {plain(quantity)}" if middle else plain(quantity)
                why = " (it has no mean)" if middle else ""
                yield f"{what} of {name}{when} is {interval(values[quantity])}{why}"
                break
