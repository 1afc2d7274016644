"""Values that do not fit, with the place of each."""

from __future__ import annotations

from collections.abc import Iterable

from sdesim.errors import SdesimError

Path = tuple[str | int, ...]
Problem = tuple[Path, str]


class Misfit(SdesimError):
    """Values that do not fit, each with its place inside what was given.

    Args:
        at: the field, or the path to the value ("coordinates", 3); or several (path, message).
        message: what is wrong in one line, such as "found 5, allowed: 0 to 4".

    Attributes:
        problems: (path, message) of each.
    """

    def __init__(self, at: str | Path | Iterable[Problem], message: str = "") -> None:
        self.problems: list[Problem]
        if isinstance(at, str):
            self.problems = [((at,), message)]
        elif message:
            self.problems = [(tuple(at), message)]  # type: ignore[arg-type]
        else:
            self.problems = [(tuple(path), text) for path, text in at]  # type: ignore[misc, str-unpack]
        super().__init__("\n".join(f"{path_text(p)}: {m}" if p else m for p, m in self.problems))

    def __reduce__(self) -> tuple[type[Misfit], tuple[list[Problem]]]:
        return type(self), (self.problems,)


def path_text(path: Path) -> str:
    """ "arms.sde.simulate.noise[1].alpha"."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text
