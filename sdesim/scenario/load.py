"""From a file name to a checked scenario."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sdesim.errors import ScenarioError
from sdesim.io.files import read_text
from sdesim.io.places import Place, Remote
from sdesim.io.text import clipped
from sdesim.kinds.misfit import Problem
from sdesim.kinds.spelling import nearest, short
from sdesim.kinds.trust import trusting
from sdesim.scenario.base import Strict
from sdesim.scenario.checks.room import too_large
from sdesim.scenario.checks.scenario import cross_check, unanswerable, unbuildable
from sdesim.scenario.messages import type_problems
from sdesim.scenario.models import Scenario
from sdesim.scenario.rest import Rest
from sdesim.scenario.yaml import Document, KeyPath, parse_path, read_document, read_yaml, set_value
from sdesim.shipped import shipped_folder

# Lines that a refusal has.
_MOST = 20
# Bytes of a file: reading more of them takes seconds. The largest of the shipped ones has 7,000.
LARGEST = 256 * 1024


def shipped_scenarios() -> dict[str, Path]:
    """Name → file of every shipped scenario, those of the gallery of published results among them."""
    return {
        p.stem: p
        for p in sorted(shipped_folder("scenarios").glob("*/*.yaml"))
        if p.parent.name in (p.stem, "published")
    }


def find_scenario(path_or_name: str | Path) -> Path:
    """The file of a path or of a shipped name.

    Raises:
        ScenarioError: neither.
    """
    path = Path(path_or_name)
    if path.is_file():
        return path
    shipped = shipped_scenarios()
    if str(path_or_name) in shipped:
        return shipped[str(path_or_name)]
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        raise ScenarioError(f"{path}: no such file")
    raise ScenarioError(
        f"{path_or_name}: not a file and not a shipped scenario{nearest(str(path_or_name), list(shipped))}"
    )


def load_scenario(
    path_or_name: str | Path,
    overrides: Mapping[str, Any] | None = None,
    quick: bool = False,
    trust: Iterable[str] = (),
) -> Scenario:
    """Read, override and check a scenario.

    Args:
        path_or_name: a YAML file, or the name of a shipped scenario.
        overrides: path → value, as with --set; a text is read as YAML.
        quick: apply the file's own `quick` overrides first.
        trust: names of modules whose code may run, for kinds written as "module:Class". Modules and data
            files are sought beside the scenario file.

    Raises:
        ScenarioError: one line for each thing that is wrong: file, line, field, found, allowed.
    """
    with trusting(trust, find_scenario(path_or_name).parent):
        return check_document(parse_document(*read_scenario(path_or_name), overrides, quick))


def parse_scenario(
    text: str,
    source: str = "scenario",
    overrides: Mapping[str, Any] | None = None,
    quick: bool = False,
    trust: Iterable[str] = (),
    folder: str | Path | None = None,
) -> Scenario:
    """As `load_scenario`, from YAML text; `source` names it in messages, modules and data files are sought in
    `folder`, by default the current one."""
    with trusting(trust, folder):
        return check_document(parse_document(text, source, overrides, quick))


def read_scenario(path_or_name: str | Place) -> tuple[str, str]:
    """The text of a scenario file or shipped name, and what messages call it.

    Raises:
        ScenarioError: there is no such file, or it can't be read.
    """
    if isinstance(path_or_name, Remote):
        return read_text(path_or_name), str(path_or_name)
    path = find_scenario(path_or_name)
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            found = f"found a file of more than {LARGEST // 1024} KB"
            raise ScenarioError(f"{path}: {found}, allowed: as much as a scenario needs")
        text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig").read()
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path}: can't be read: {error}") from None
    given = Path(path_or_name)
    return text, str(given) if given == path else path.name


def parse_document(
    text: str, source: str = "scenario", overrides: Mapping[str, Any] | None = None, quick: bool = False
) -> Document:
    """YAML text as plain data with the overrides put in; not yet checked to be a scenario.

    Raises:
        ScenarioError: not YAML, not a group of fields, or an override leads nowhere.
    """
    document = _read_once(text, source).copy()
    if not isinstance(document.data, dict):
        found = f"found {short(document.data)}, allowed: the fields of a scenario"
        raise refusal([*document.lines, f"{document.origin(())}: {found}"])
    if quick:
        _apply_quick(document)
    for key, value in (overrides or {}).items():
        origin = f"--set {key}"
        try:
            path = parse_path(key)
            plain = read_yaml(value, origin).data if isinstance(value, str) else value
            set_value(document, path, plain, origin)
        except ScenarioError as error:
            _not_set(document, key, error)
    return document


def _not_set(document: Document, key: str, error: ScenarioError) -> None:
    """Note why a value could not be put in, and that what was to hold it can't be judged; nothing where that
    could not be read itself."""
    path: KeyPath = ()
    with suppress(ScenarioError):
        path = parse_path(key)
    if any(path[: len(lost)] == lost for lost in document.unknown):
        return
    lines = str(error).split("\n")
    quick = document.origins.get(("quick", key))
    document.lines += lines if path or quick is None else [f"{quick}: {lines[0]}"]
    if path:
        document.doubt(path)


# A command may check a file as it is and in its quick form; reading it is what takes longest.
@lru_cache(maxsize=8)
def _read_once(text: str, source: str) -> Document:
    return read_document(text, source)


def check_document(document: Document) -> Scenario:
    """The scenario that a document holds.

    Raises:
        ScenarioError: one line for each thing that is wrong: file, line, field, found, allowed.
    """
    models: dict[int, type[Strict]] = {id(document.data): Scenario}
    checks = [cross_check, too_large, unbuildable, unanswerable]
    problems: list[Problem] = []
    # Of what could not even be read nothing more is told.
    found: list[Problem] = [*document.problems, *((path, "") for path in document.unknown)]
    alone = document.lines and not found and not document.data.get("arms")
    rest: Rest | None = None if alone else Rest(document.data)
    scenario: Scenario | None = None
    while rest is not None:
        if found:
            # What does not depend on them is looked at as if they were not there.
            problems += rest.placed(found)
            rest, scenario, found = rest.without(found), None, []
        elif scenario is None:
            scenario, found = _typed(rest.data, models)
        elif checks:
            look = checks.pop(0)
            found = look(scenario) if rest.answers or look is not unanswerable else []
        else:
            break
    if problems or document.lines or scenario is None:
        raise _told(problems, document)
    return scenario


def _typed(data: dict[str, Any], models: dict[int, type[Strict]]) -> tuple[Scenario | None, list[Problem]]:
    try:
        return Scenario.model_validate(data, context=models), []
    except ValidationError as error:
        return None, type_problems(error, data, models)


def validate_scenario(scenario: Scenario) -> None:
    """Check what the types alone can't: names, shapes and sizes against one another.

    Raises:
        ScenarioError: one line for each thing that is wrong.
    """
    problems = cross_check(scenario) or too_large(scenario)
    problems = problems or unbuildable(scenario) or unanswerable(scenario)
    if problems:
        raise _told(problems, Document(None, {}, scenario.name))


def told(problems: list[Problem], source: str) -> ScenarioError:
    """The error that tells problems of a scenario whose file is gone."""
    return _told(problems, Document(None, {}, source))


def placed(
    problems: list[Problem], path_or_name: str | Path, overrides: Mapping[str, Any], quick: bool
) -> ScenarioError:  # fmt: skip
    """The error that tells problems of a scenario with the lines of its file, which is read again."""
    return _told(problems, parse_document(*read_scenario(path_or_name), overrides, quick))


def _told(problems: list[Problem], document: Document) -> ScenarioError:
    """Problems in the order of the file, each once."""
    told = (problem for problem in dict.fromkeys(problems) if problem[1])
    ordered = sorted(told, key=lambda problem: document.line(problem[0]))
    lines = [f"{document.place(path)}: {message}" for path, message in ordered]
    return refusal([*document.lines, *lines])


def refusal(lines: Sequence[str]) -> ScenarioError:
    """The error that tells problems: a line of printable characters for each, not too many nor too long."""
    rest = len(lines) - _MOST
    shown = [*lines[: _MOST - 1], f"… and {rest + 1} more"] if rest > 0 else lines
    return ScenarioError("\n".join(map(clipped, shown)))


def _apply_quick(document: Document) -> None:
    overrides = document.data.get("quick") or {}
    if not isinstance(overrides, dict):
        return
    for key, value in overrides.items():
        try:
            set_value(document, parse_path(str(key)), value, document.origin(("quick", key)))
        except ScenarioError as error:
            _not_set(document, str(key), error)
