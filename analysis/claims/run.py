"""Run studies, each on its own: what one of them breaks or an interruption stops leaves the others whole."""

from __future__ import annotations

import ast
import functools
import hashlib
import json
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from sdesim.estimators import Estimate
from sdesim.io.files import atomic_write_json, atomic_write_text
from sdesim.io.processes import DiedError, processes
from sdesim.shipped import call_in_study

from .lab import Lab
from .ledger import Finding, Study, choose, studies
from .rules import CONDITIONS, FAILS, Check

ERROR = "error"
# What a run at small sizes says in place of a verdict, whatever its numbers would come to.
UNJUDGED = "not judged (small sizes)"
# What a figure is drawn on where it stands as a file; a page that shows it takes its own.
PAPER = 'style="background: #ffffff; color: #1d2733"'
# Enough to tell any two numbers apart that matter, and the same on every processor.
_DIGITS = 6
Record = dict[str, Any]
Told = Callable[[Record, int, int], None]


@dataclass(frozen=True)
class Ledger:
    """The records of the claims asked for, and the folder that holds them.

    Attributes:
        records: one for each claim, in order.
        folder: where claims.json and index.html are.
        quick, seed: the settings.
    """

    records: tuple[Record, ...]
    folder: Path
    quick: bool
    seed: int

    @property
    def errors(self) -> list[Record]:
        """Claims whose study broke."""
        return [r for r in self.records if r["verdict"] == ERROR]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {"seed": self.seed, "quick": self.quick, "claims": list(self.records)}


def run_claims(
    only: str | None = None, quick: bool = False, seed: int = 0, out: str | Path = "runs/claims",
    workers: int = 1, resume: bool = False, tell: Told = lambda record, done, total: None,
) -> Ledger:  # fmt: skip
    """Run studies and write their records, figures and the page.

    Args:
        only: claims such as "C1,C5-C9"; None: all.
        quick: small sizes, a run through: every verdict is `UNJUDGED`.
        seed: of all random numbers.
        out: the folder; claims of it that are not asked for stay in its claims.json where they were run with
            the same seed and size.
        workers: processes that share the work; no number depends on it.
        resume: keep what this folder holds already and run the rest.
        tell: called with each record as it comes, and how many there are.

    Raises:
        SdesimError: `only` names no study, or the folder can't be written.
    """
    chosen, folder = choose(only), Path(out)
    kept = _found_before(chosen, quick, seed, folder) if resume else {}
    total, done = len(chosen), 0
    for record in kept.values():
        done += 1
        tell(record, done, total)
    groups = _groups([s for s in chosen if s.id not in kept])
    fresh: dict[str, Record] = {}
    for record in _run(groups, quick, seed, folder, workers):
        done += 1
        fresh[record["id"]] = record
        tell(record, done, total)
    made = {**kept, **fresh}
    ledger = Ledger(tuple(made[s.id] for s in chosen), folder, quick, seed)
    _write(ledger)
    return ledger


def _groups(chosen: Sequence[Study]) -> list[list[str]]:
    """Ids that must run in one process because they share a run."""
    groups: dict[str, list[str]] = {}
    for study in chosen:
        groups.setdefault(study.shares or study.id, []).append(study.id)
    # The longest first: they decide when the last process ends.
    return sorted(groups.values(), key=len, reverse=True)


def _run(groups: list[list[str]], quick: bool, seed: int, folder: Path, workers: int) -> Iterator[Record]:
    if workers == 1 or len(groups) < 2:
        for ids in groups:
            lab = Lab(quick, seed)
            for name in ids:
                yield _run_one(name, lab, folder)
        return
    calls = [("claims", "run_group", ids, quick, seed, str(folder)) for ids in groups]
    with processes(min(workers, len(groups))) as shared_out:
        for ended in shared_out(call_in_study, calls):
            try:
                yield from ended.result()
            except DiedError:
                yield from (_lost(name, quick, seed, folder) for name in groups[ended.place])


def run_group(ids: Sequence[str], quick: bool, seed: int, folder: str) -> list[Record]:
    """Run claims one after another in one lab; each record is on disk as soon as it is made."""
    lab = Lab(quick, seed)
    return [_run_one(name, lab, Path(folder)) for name in ids]


def _run_one(name: str, lab: Lab, folder: Path) -> Record:
    study, started = studies()[name], time.perf_counter()
    picture = ""
    # On one thread no sum depends on the cores of the host.
    with threadpool_limits(1):
        try:
            finding = study.run(lab)
            study.check(finding)
            record = {**_texts(study), **_outcome(finding, lab.quick)}
            picture = _drawn(study, finding)
        except Exception as error:
            record = {**_texts(study), "verdict": ERROR, "error": _where(error)}
    if picture:
        atomic_write_text(_picture(folder, name), picture)
    else:
        _picture(folder, name).unlink(missing_ok=True)
    facts = {"quick": lab.quick, "seed": lab.seed, "source": _source(study)}
    atomic_write_json(_file(folder, name), {**record, **facts}, _DIGITS)
    kept: Record = json.loads(_file(folder, name).read_text(encoding="utf-8"))
    return {**kept, "seconds": round(time.perf_counter() - started, 2)}


def _lost(name: str, quick: bool, seed: int, folder: Path) -> Record:
    """What a process left of a claim when it died."""
    study = studies()[name]
    found = _found_before([study], quick, seed, folder)
    text = "the process that ran it died (out of memory?)"
    return found.get(name) or {**_texts(study), "verdict": ERROR, "error": text}


def _texts(study: Study) -> Record:
    return {
        "id": study.id, "section": study.section, "claim": study.claim, "test": study.test,
        "study": study.file, "basis": study.basis, "quotation": study.quotation, "fair": study.fair,
        "since": study.since, "changed": study.changed,
    }  # fmt: skip


def _outcome(finding: Finding, quick: bool) -> Record:
    ruling = finding.ruling
    verdict = UNJUDGED if quick else ruling.verdict
    told = verdict in (FAILS, CONDITIONS)
    return {
        "verdict": verdict,
        "reason": ruling.reason,
        "stated": _checks(ruling.stated),
        "fair_verdict": "" if quick else ruling.fair_verdict,
        "fair_checks": _checks(ruling.fair),
        "corrected": finding.corrected if told else "",
        "corrected_checks": _checks(ruling.corrected),
        "statistics": {name: _plain(e) for name, e in finding.statistics.items()},
        "change_mind": finding.change_mind,
        "sample_size": finding.sample_size,
    }


def _checks(checks: Sequence[Check]) -> list[Record]:
    return [{**asdict(c), "holds": None if c.holds is None else bool(c.holds)} for c in checks]


def _plain(e: Estimate) -> Record:
    return {
        "value": e.value, "low": e.low, "high": e.high, "level": e.level, "method": e.method, "n": int(e.n),
        "flags": list(e.flags),
    }  # fmt: skip


def _where(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name == "torch":
        return "this study trains networks and needs PyTorch: pip install 'sdesim[torch]'"
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(place.filename).name}, line {place.lineno})"


def _drawn(study: Study, finding: Finding) -> str:
    from sdesim.plots.style import styled, svg

    with styled() as Figure:
        figure = Figure(figsize=(4.6, 2.9))
        finding.draw(figure.subplots())
        return svg(figure, prefix=f"{study.id}-", alt=study.claim).replace("<svg ", f"<svg {PAPER} ", 1)


def _file(folder: Path, name: str) -> Path:
    return folder / "findings" / f"{name}.json"


def _picture(folder: Path, name: str) -> Path:
    return folder / "findings" / f"{name}.svg"


def _source(study: Study) -> str:
    """A digest of the study's file and of those beside it that it imports: a record made by other code is no
    result of this one. Texts of registrations don't count, for they are added to a record when it is kept;
    what sdesim itself computes is not looked at."""
    digest = hashlib.sha256()
    for path in sorted(_files(Path(study.run.__code__.co_filename))):
        digest.update(_code(path.read_text(encoding="utf-8")).encode())
    return digest.hexdigest()[:16]


@functools.lru_cache(maxsize=256)
def _code(text: str) -> str:
    """What a file computes: its syntax without comments, and without what `claim` is told of a study."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.decorator_list = [d for d in node.decorator_list if not _registers(d)]
    return ast.dump(tree)


def _registers(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "claim"


def _files(path: Path) -> set[Path]:
    """A file with those of its folder that it imports, directly or through others."""
    found, waiting = set(), [path]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += [path.with_name(f"{name}.py") for name in _siblings(path.read_text(encoding="utf-8"))]
    return found


@functools.lru_cache(maxsize=256)
def _siblings(text: str) -> tuple[str, ...]:
    """Modules that a text imports by ``from .name import …``."""
    nodes = (n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.ImportFrom))
    return tuple(n.module for n in nodes if n.level == 1 and n.module)


def _found_before(chosen: Sequence[Study], quick: bool, seed: int, folder: Path) -> dict[str, Record]:
    """Records on disk that this run would make again: same settings, same code, no error."""
    found = {}
    for study in chosen:
        try:
            record = json.loads(_file(folder, study.id).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        same = (record.get("quick"), record.get("seed"), record.get("source")) == (
            quick, seed, _source(study)
        )  # fmt: skip
        judged = record.get("verdict") != UNJUDGED
        if same and judged != quick and record.get("verdict") != ERROR:
            found[study.id] = {**record, **_texts(study)}
    return found


def _write(ledger: Ledger) -> None:
    from .page import page

    records = {r["id"]: without_settings(r) for r in ledger.records}
    for record in _stored_before(ledger):
        records.setdefault(record["id"], record)
    ordered = [records[name] for name in studies() if name in records]
    whole = {"seed": ledger.seed, "quick": ledger.quick, "claims": ordered}
    atomic_write_json(ledger.folder / "claims.json", whole)
    pictures = {r["id"]: _read(_picture(ledger.folder, r["id"])) for r in ordered}
    atomic_write_text(ledger.folder / "index.html", page(whole, pictures))


def _stored_before(ledger: Ledger) -> list[Record]:
    """Records of the folder's claims.json that belong to the same run."""
    try:
        old = json.loads((ledger.folder / "claims.json").read_text(encoding="utf-8"))
        same = (old["seed"], old["quick"]) == (ledger.seed, ledger.quick)
        return [r for r in old["claims"] if r["id"] in studies()] if same else []
    except (OSError, ValueError, KeyError, TypeError):
        return []


def without_settings(record: Mapping[str, Any]) -> Record:
    """A record without what differs between machines and calls."""
    return {k: v for k, v in record.items() if k not in ("seconds", "quick", "seed", "source")}


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""
