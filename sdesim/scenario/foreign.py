"""What in a scenario is not sdesim's own: where its code came from, and whether it has changed."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

from sdesim.compiled.sources import files_of
from sdesim.errors import RunError, SdesimError
from sdesim.kinds.registry import fields_of, origin_is_foreign, origin_of
from sdesim.kinds.trust import trusted_module, trusting, trusts
from sdesim.runs.quantities import quantities
from sdesim.scenario.models import Scenario

Entry = Mapping[str, Any]
_MODULE = "module "


def foreign_kinds(scenario: Scenario) -> list[dict[str, Any]]:
    """What provenance.json says of each kind of others, and of each quantity: every one is measured.

    Returns:
        For each: family, kind; from: package and version, or module; module: where its class stands; files:
        path → SHA-256 of the module's file, which is first, and of those that it imports.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for value in _kinds_in(scenario):
        _note(found, value.family, value.kind, type(value))
        # Functions that a file names.
        for name, function in getattr(value, "code", {}).items():
            _note(found, value.family, name, function)
    for row in quantities():
        if row.function is not None:
            _note(found, "quantities", row.name, row.function)
    return [found[key] for key in sorted(found)]


def has_foreign(value: Any) -> bool:
    """Whether a part of a scenario has kinds or functions of others in it."""
    kinds = list(_kinds_in(value))
    functions = (function for kind in kinds for function in getattr(kind, "code", {}).values())
    return any(map(origin_is_foreign, (*map(type, kinds), *functions)))


def _note(found: dict[tuple[str, str], dict[str, Any]], family: str, kind: str, thing: Any) -> None:
    if (family, kind) in found or not origin_is_foreign(thing):
        return
    module = str(thing.__module__)
    files = {str(file): _first_seen(file) for file in files_of(module)}
    origin = origin_of(thing)
    found[family, kind] = {"family": family, "kind": kind, "from": origin, "module": module, "files": files}


@cache
def _first_seen(file: Path) -> str:
    """Digest of a file when this process looked first; what it has imported does not change with the file."""
    return _digest(file)


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _kinds_in(value: Any) -> Iterator[Any]:
    if "kind" in vars(type(value)):
        yield value
        parts: Sequence[Any] = list(fields_of(value).values())
    elif hasattr(type(value), "model_fields"):
        parts = [getattr(value, name) for name in type(value).model_fields]
    elif isinstance(value, Mapping):
        parts = list(value.values())
    else:
        parts = value if isinstance(value, list | tuple) else ()
    for part in parts:
        yield from _kinds_in(part)


def import_again(recorded: Sequence[Entry], trust: Sequence[str], accept: bool = False) -> None:
    """Import the modules of an earlier run from where they were, before its scenario is read.

    Args:
        recorded: as of `foreign_kinds`. trust: modules whose code may run now.
        accept: whether one that was edited may.

    Raises:
        RunError: one is not trusted, was edited, or can't be imported any more; no edited code has run then.
    """
    needed = {e["module"]: e for e in recorded if e["family"] != "quantities" and _is_module(e)}
    with ExitStack() as stack:
        stack.enter_context(trusting(trust))
        refused = [module for module in sorted(needed) if not trusts(module)]
        if refused:
            flags = " ".join(f"--trust {module}" for module in refused)
            raise RunError(f"this run uses the code of {', '.join(refused)}: allow it with {flags}")
        for entry in needed.values():
            _refuse_edited(entry, accept)
        for module, entry in needed.items():
            stack.enter_context(trusting(folder=_folder(module, entry)))
            try:
                trusted_module(module)
            except SdesimError as error:
                raise RunError(str(error)) from None


def _is_module(entry: Entry) -> bool:
    return str(entry["from"]).startswith(_MODULE) and bool(entry["files"])


def _folder(module: str, entry: Entry) -> Path:
    """In which folder a module, or the package around it, was found."""
    file = Path(next(iter(entry["files"])))
    depth = module.count(".") + (file.name == "__init__.py")
    return file.parents[depth]


def refuse_changed(recorded: Sequence[Entry], scenario: Scenario, accept: bool = False) -> None:
    """Go on only with the code that a run or a sweep was begun with.

    Quantities are left out: they are measured anew in every arm.

    Args:
        recorded: as of `foreign_kinds`. scenario: as read now.
        accept: whether edited code is only warned of.

    Raises:
        RunError: the file of a kind, or the version of its package, is another now.
    """
    now = {(e["family"], e["kind"]): e for e in foreign_kinds(scenario)}
    for before in recorded:
        after = now.get((before["family"], before["kind"]))
        if before["family"] == "quantities" or after is None:
            continue
        if before["from"] != after["from"]:
            _refuse(f"{before['kind']} came from {before['from']}, now it is {after['from']}", accept)
            continue
        if _is_module(before):
            _refuse_edited(before, accept)
            continue
        for path, digest in after["files"].items():
            # The same version may stand in another folder now.
            if before["files"].get(path, digest) != digest:
                _refuse(_edited(path, before), accept)


def _refuse(message: str, accept: bool) -> None:
    """Raise, or warn where the user accepts what changed."""
    if not accept:
        raise RunError(f"{message}: --accept-changes goes on all the same")
    warnings.warn(message, stacklevel=3)


def _refuse_edited(entry: Entry, accept: bool) -> None:
    for path, digest in entry["files"].items():
        file = Path(path)
        if not file.is_file():
            raise RunError(f"{path}, which {entry['kind']} is made of, is gone since this run was begun")
        if _digest(file) != digest:
            _refuse(_edited(path, entry), accept)


def _edited(path: str, entry: Entry) -> str:
    return f"{path}, which {entry['kind']} is made of, was edited since this run was begun"
