"""The points of a sweep: axes of values at paths into the scenario, and the full product of them, checked."""

from __future__ import annotations

import copy
import hashlib
import itertools
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdesim.errors import ScenarioError
from sdesim.kinds.misfit import path_text
from sdesim.kinds.spelling import nearest
from sdesim.kinds.trust import trusting
from sdesim.report import COLUMNS
from sdesim.scenario.load import check_document, find_scenario, parse_document, read_scenario, refusal
from sdesim.scenario.models import Scenario
from sdesim.scenario.yaml import Document, KeyPath, parse_path, set_value

_MOST_POINTS = 10_000
_LONGEST_NAME = 100
_FEWEST_FITTED = 3
_FIXED = ("name", "description", "quick", "sweep", "fits")
_EXAMPLE = 'sweep: {"arms.sde.simulate.noise[0].alpha": [1.5, 2.0]}'


@dataclass(frozen=True)
class Axis:
    """One axis: at each of its places every path takes its own value of the row.

    Attributes:
        key: as written in the file. paths: the places in the scenario that the axis sets.
        label: short name, unique among the axes.
        rows: for each place along the axis the value of each path.
        lines: where each row stands ("file.yaml:12").
    """

    key: str
    paths: tuple[KeyPath, ...]
    label: str
    rows: tuple[tuple[Any, ...], ...]
    lines: tuple[str, ...]

    @property
    def coordinates(self) -> tuple[Any, ...]:
        """What stands on the axis: the value of the first path, as text where it is not a number."""
        return tuple(_coordinate(row[0]) for row in self.rows)


@dataclass(frozen=True)
class Point:
    """One point: its folder's name, its place along each axis, and its checked scenario."""

    name: str
    places: tuple[int, ...]
    scenario: Scenario


@dataclass(frozen=True)
class Sweep:
    """A scenario and the points of its sweep, in the order of the file (the last axis runs fastest).

    Attributes:
        scenario, axes, points: as read.
        trust, folder: what workers need before they read a point: trusted modules, and where they are sought.
    """

    scenario: Scenario
    axes: tuple[Axis, ...]
    points: tuple[Point, ...]
    trust: tuple[str, ...] = ()
    folder: str | None = None


def load_sweep(
    path_or_name: str | Path,
    overrides: Mapping[str, Any] | None = None,
    quick: bool = False,
    trust: Iterable[str] = (),
) -> Sweep:
    """Read a scenario with its sweep and check every point; arguments as of `load_scenario`.

    Every point has the scenario's seed, so that neighbouring points share their random numbers.

    Raises:
        ScenarioError: one line for each thing that is wrong: file, line, field, found, allowed.
    """
    folder = find_scenario(path_or_name).parent
    return parse_sweep(*read_scenario(path_or_name), overrides, quick, trust, folder)


def parse_sweep(
    text: str,
    source: str = "scenario",
    overrides: Mapping[str, Any] | None = None,
    quick: bool = False,
    trust: Iterable[str] = (),
    folder: str | Path | None = None,
) -> Sweep:
    """As `load_sweep`, from YAML text; `source` names it in messages, modules and data files are sought in
    `folder`."""
    trusted = tuple(trust)
    with trusting(trusted, folder):
        return _parsed(text, source, overrides, quick, trusted, folder)


def _parsed(
    text: str,
    source: str,
    overrides: Mapping[str, Any] | None,
    quick: bool,
    trust: tuple[str, ...],
    folder: str | Path | None,
) -> Sweep:
    document = parse_document(text, source, overrides, quick)
    scenario = check_document(document)
    if not scenario.sweep:
        raise ScenarioError(f"{source}: sweep: missing, give paths and their values, as in {_EXAMPLE}")
    axes = _axes(scenario, document)
    _check_fits(scenario, axes, document)
    count = math.prod(len(axis.rows) for axis in axes)
    if count > _MOST_POINTS:
        raise ScenarioError(
            f"{document.place(('sweep',))}: found {count:,} points, allowed: at most {_MOST_POINTS:,}"
        )
    return Sweep(
        scenario,
        axes,
        _points(axes, document),
        trust,
        None if folder is None else str(Path(folder).resolve()),
    )


def choose(sweep: Sweep, only: Sequence[str]) -> list[Point]:
    """The points that `only` leaves: LABEL=VALUE (or KEY=VALUE); several of one axis add up, axes intersect.

    Raises:
        ScenarioError: no such axis, or no such value on it.
    """
    kept: dict[int, set[int]] = {}
    for item in only:
        name, sign, value = (part.strip() for part in item.rpartition("="))
        names = [axis.label for axis in sweep.axes]
        place = next((k for k, axis in enumerate(sweep.axes) if name in (axis.label, axis.key)), None)
        if not sign or place is None:
            raise ScenarioError(
                f"--only: found {item!r}, allowed: AXIS=VALUE with AXIS of {', '.join(names)}"
            )
        texts = [_text(c) for c in sweep.axes[place].coordinates]
        numbers = [_number(t) for t in texts]
        found = {k for k, t in enumerate(texts) if t == value or numbers[k] == _number(value)}
        if not found:
            raise ScenarioError(f"--only {name}: found {value!r}{nearest(value, texts)}")
        kept.setdefault(place, set()).update(found)
    return [p for p in sweep.points if all(p.places[k] in places for k, places in kept.items())]


def _axes(scenario: Scenario, document: Document) -> tuple[Axis, ...]:
    found: list[tuple[str, tuple[KeyPath, ...]]] = []
    for key in scenario.sweep:
        place = document.place(("sweep", key))
        try:
            paths = tuple(parse_path(part.strip()) for part in key.split(","))
        except ScenarioError as error:
            raise ScenarioError(f"{place}: {error}") from None
        for path in paths:
            if path[0] in _FIXED:
                raise ScenarioError(f"{place}: found {path[0]!r}, which a sweep can't vary")
            taken = next((p for _, ps in found for p in ps if _overlap(p, path)), None)
            if taken is not None:
                raise ScenarioError(f"{place}: {path_text(taken)} is set by another axis already")
        found.append((key, paths))
    labels = _labels([paths[0] for _, paths in found])
    return tuple(_axis(k, p, label, document) for (k, p), label in zip(found, labels, strict=True))


def _check_fits(scenario: Scenario, axes: Sequence[Axis], document: Document) -> None:
    """Refuse laws along axes that the sweep has not, or whose values they can't take."""
    labels = [axis.label for axis in axes]
    for k, asked in enumerate(scenario.fits or ()):
        place = document.place(("fits", k, "axis"))
        if asked.axis is None:
            continue
        if asked.axis not in labels:
            raise ScenarioError(f"{place}: found {asked.axis!r}{nearest(asked.axis, labels)}")
        values = axes[labels.index(asked.axis)].coordinates
        numeric = [v for v in values if isinstance(v, int | float)]
        if len(numeric) < len(values):
            raise ScenarioError(f"{place}: found {asked.axis!r}, allowed: an axis of numbers")
        if asked.law.positive and min(numeric) <= 0:
            least = min(numeric)
            raise ScenarioError(
                f"{place}: found {asked.axis!r}, which holds {least:g}, allowed: numbers above 0 for "
                f"{asked.law.kind}"
            )
        if len(values) < _FEWEST_FITTED:
            raise ScenarioError(
                f"{place}: found {asked.axis!r} of {len(values)} values, allowed: {_FEWEST_FITTED} and more"
            )


def _overlap(a: KeyPath, b: KeyPath) -> bool:
    size = min(len(a), len(b))
    return a[:size] == b[:size]


def _axis(key: str, paths: tuple[KeyPath, ...], label: str, document: Document) -> Axis:
    rows, lines = [], []
    for k, value in enumerate(document.data["sweep"][key]):
        where = ("sweep", key, k)
        if len(paths) > 1 and isinstance(value, list):
            if len(value) != len(paths):
                raise ScenarioError(
                    f"{document.place(where)}: found {len(value)} values, allowed: {len(paths)}, one for each"
                    " path, or a single one for all"
                )
            rows.append(tuple(value))
        else:
            rows.append((value,) * len(paths))
        lines.append(document.origin(where))
        if _coordinate(rows[-1][0]) in [_coordinate(row[0]) for row in rows[:-1]]:
            raise ScenarioError(
                f"{document.place(where)}: {_text(_coordinate(rows[-1][0]))} stands here twice"
            )
    return Axis(key, paths, label, tuple(rows), tuple(lines))


def _labels(paths: Sequence[KeyPath]) -> list[str]:
    """The shortest ends of the paths that tell them apart and are no column of the table."""
    labels = []
    for path in paths:
        ends = [path_text(path[k:]) for k in range(len(path) - 1, -1, -1) if isinstance(path[k], str)]
        others = [path_text(p) for p in paths if p != path]
        unique = (e for e in ends if e not in COLUMNS and not any(_ends(o, e) for o in others))
        labels.append(next(unique, path_text(path)))
    return labels


def _ends(text: str, end: str) -> bool:
    return text == end or text.endswith(f".{end}")


def _points(axes: Sequence[Axis], document: Document) -> tuple[Point, ...]:
    points: list[Point] = []
    wrong: dict[str, None] = {}
    for places in itertools.product(*(range(len(axis.rows)) for axis in axes)):
        data = {k: v for k, v in document.data.items() if k not in ("sweep", "quick", "fits")}
        one = Document(copy.deepcopy(data), dict(document.origins), document.source)
        try:
            for axis, place in zip(axes, places, strict=True):
                for path, value in zip(axis.paths, axis.rows[place], strict=True):
                    set_value(one, path, copy.deepcopy(value), axis.lines[place])
            points.append(Point(_name(axes, places), places, check_document(one)))
        except ScenarioError as error:
            wrong |= dict.fromkeys(str(error).splitlines())
    if wrong:
        raise refusal(list(wrong))
    return tuple(points)


def _name(axes: Sequence[Axis], places: Sequence[int]) -> str:
    """A folder name that depends on the point's values alone: "alpha=1.5,scale=0.1"; of an axis with several
    paths it holds the first one's value, which no other place along the axis has."""
    rows = [axis.rows[place] for axis, place in zip(axes, places, strict=True)]
    text = ",".join(f"{a.label}={_text(_coordinate(row[0]))}" for a, row in zip(axes, rows, strict=True))
    clean = re.sub(r"[^A-Za-z0-9.+_=,\[\]-]+", "-", text)
    if clean == text and len(text) <= _LONGEST_NAME:
        return text
    mark = hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()[:8]
    return f"{clean[:_LONGEST_NAME]}-{mark}"


def _coordinate(value: Any) -> Any:
    plain = isinstance(value, int | float | str) and not isinstance(value, bool)
    return value if plain else json.dumps(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
