"""What of a scenario's data does not depend on what is wrong in it, so that all is checked in one pass."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from sdesim.kinds.misfit import Path, Problem

# Lists whose entries stand for themselves.
_LISTS = ("expect", "fits")
# What no other part looks at; a name must be there, any will do.
_ALONE = {"name": "name", "description": "", "seed": 0}


@dataclass(frozen=True)
class Rest:
    """The data of a scenario without the parts that are wrong.

    Attributes:
        data: what is left.
        kept: of a list that entries were taken from, where its entries stood.
        gone: names of the arms that were taken out.
        observed: whether one of them has observables, whose names nobody knows then.
        answers: whether what is left can tell what its runs will hold.
    """

    data: dict[str, Any]
    kept: dict[str, list[int]] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()
    observed: bool = False
    answers: bool = True

    def placed(self, problems: Iterable[Problem]) -> list[Problem]:
        """Problems of what is left, each at its place in the whole; not those that come of what is gone."""
        return [(self._whole(path), message) for path, message in problems if not self._follows(path)]

    def _whole(self, path: Path) -> Path:
        if len(path) > 1 and path[0] in self.kept and isinstance(path[1], int):
            return (path[0], self.kept[str(path[0])][path[1]], *path[2:])
        return path

    def _follows(self, path: Path) -> bool:
        if self.gone and value_at(self.data, path) in self.gone:
            return True
        if not self.observed or path[:1] != ("expect",) or len(path) < 3 or path[2] in ("arm", "than"):
            return False
        return bool(self.gone & {value_at(self.data, (*path[:2], side)) for side in ("arm", "than")})

    def without(self, problems: Iterable[Problem]) -> Rest | None:
        """The rest without the parts in which problems are; None where nothing can be looked at alone.

        An arm goes with those that name it.
        """
        data, answers = dict(self.data), self.answers
        wrong: dict[str, set[int]] = {name: set() for name in _LISTS}
        gone: set[str] = set()
        for path, _ in problems:
            top = path[0] if path else None
            if top == "arms":
                if len(path) < 2 or not isinstance(data.get("arms"), dict) or path[1] not in data["arms"]:
                    return None
                gone.add(str(path[1]))
            elif top in _LISTS and len(path) > 1 and isinstance(path[1], int):
                wrong[str(top)].add(path[1])
            elif top in _ALONE:
                data[str(top)] = _ALONE[str(top)]
            elif top is None:
                return None
            else:
                data.pop(str(top), None)
                answers = answers and top not in ("probes", "compare")
                if top == "sweep":
                    data.pop("fits", None)
        kept = dict(self.kept)
        for name, numbers in wrong.items():
            if numbers and isinstance(data.get(name), list):
                left = [k for k in range(len(data[name])) if k not in numbers]
                kept[name] = [kept[name][k] if name in kept else k for k in left]
                data[name] = [data[name][k] for k in left]
        if gone:
            _take_out(data, gone)
            observed = any(_holds_key(self.data["arms"].get(name), "observe") for name in gone)
            rest = Rest(data, kept, self.gone | gone, self.observed or observed, False)
        else:
            rest = replace(self, data=data, kept=kept, answers=answers)
        return rest if data.get("arms") and data != self.data else None


def value_at(data: Any, path: Path) -> Any:
    """A plain value at a path; None where there is none."""
    for part in path:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return None
    return data if isinstance(data, str | int | float) else None


def _take_out(data: dict[str, Any], gone: set[str]) -> None:
    """Take arms out of a scenario's data, and add to their names those of arms that name them."""
    arms = data["arms"]
    while True:
        arms = {name: arm for name, arm in arms.items() if name not in gone}
        resting = {name for name, arm in arms.items() if _names(arm, gone)}
        if not resting:
            break
        gone |= resting
    data["arms"] = arms


def _names(value: Any, words: set[str]) -> bool:
    """Whether a text anywhere in it is one of the words."""
    if isinstance(value, dict):
        return any(_names(v, words) for v in value.values())
    if isinstance(value, list):
        return any(_names(v, words) for v in value)
    return isinstance(value, str) and value in words


def _holds_key(value: Any, key: str) -> bool:
    if isinstance(value, dict):
        return key in value or any(_holds_key(v, key) for v in value.values())
    return isinstance(value, list) and any(_holds_key(v, key) for v in value)
