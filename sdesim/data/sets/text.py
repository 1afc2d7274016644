"""Text as characters, each to be told from those before it."""

from __future__ import annotations

import hashlib
import sysconfig
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Ge, Lt
from numpy.typing import NDArray

from sdesim.data.base import Base
from sdesim.data.dataset import Dataset
from sdesim.kinds import Misfit, PathTo, kind

# The text and its tokens are held as a whole while the recipe lives.
_MOST_BYTES = 256 * 2**20
_ASCII = "\n" + "".join(map(chr, range(32, 127)))
_OTHER = "\N{REPLACEMENT CHARACTER}"


@kind("data", "text")
@dataclass(frozen=True)
class Text(Base):
    """Strings of characters of a text, each character with the next one as its label.

    The tokens are the different characters (`symbols`) in the order of their code points, those of the test
    among them. Of a text c, x of example i is the tokens (context,) of c[i·stride : i·stride + context] and
    its labels (context,) are those of the characters one further on. The first part of the text is for
    training, the rest, from which no string of the training takes anything, for the test.

    Args:
        file: the text's path, in UTF-8; sought beside the scenario file.
        library: in place of file, a file of Python's own standard library, such as pydoc_data/topics.py, by
            its path there. It is read, never run; it differs from one version of Python to another.
        context: characters of an example.
        stride: characters from the beginning of an example to that of the next; without it the context, so
            that every character is a label once.
        test: share of the characters at the end that is for the test, rounded.
        characters: so many from the beginning are taken; without it all.
        symbols: "own": the vocabulary is the text's own characters; "ascii": the line feed, the 95 printable
            ones of ASCII and one for all others, 97 tokens whatever the text.

    Example:
        {kind: text, library: pydoc_data/topics.py, characters: 20000, context: 32}
    """

    file: Annotated[str, PathTo("a text file")] | None = None
    library: str | None = None
    context: Annotated[int, Ge(1)] = 64
    stride: Annotated[int, Ge(1)] | None = None
    test: Annotated[float, Ge(0), Lt(1)] = 0.1
    characters: Annotated[int, Ge(2)] | None = None
    symbols: Literal["own", "ascii"] = "own"

    labelled: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if (self.file is None) == (self.library is None):
            raise Misfit("file", "give exactly one of file and library")
        if not self.text:
            raise Misfit(self._field, f"{self._path.name} is empty")
        found = f"{self._path.name} leaves {self._cut} characters to train and {len(self.text) - self._cut}"
        if self.examples < 1:
            text = f"{found} to test on, allowed: more than a context of {self.context} to train"
            raise Misfit("context" if self._cut == len(self.text) else "test", text)
        if self.test and not self.tested:
            text = f"{found} to test on, allowed: more than a context of {self.context}, or test: 0"
            raise Misfit("test", text)

    @property
    def _field(self) -> str:
        return "file" if self.library is None else "library"

    @cached_property
    def _path(self) -> Path:
        if self.file is not None:
            return Path(self.file)
        root = Path(sysconfig.get_path("stdlib")).resolve()
        place = (root / str(self.library)).resolve()
        if not place.is_relative_to(root):
            raise Misfit(
                "library", f"found {self.library!r}, allowed: a path inside Python's standard library"
            )
        if not place.is_file():
            message = f"found {self.library!r}, allowed: a file of Python's standard library"
            raise Misfit("library", f"{message}; there is none at {place}")
        return place

    @cached_property
    def text(self) -> str:
        """The characters that are taken, line ends as they stand in the file."""
        try:
            if self._path.stat().st_size > _MOST_BYTES and self.characters is None:
                message = f"{self._path.name} has more than {_MOST_BYTES // 2**20} MB: give characters"
                raise Misfit(self._field, message)
            with self._path.open(encoding="utf-8-sig", newline="") as file:
                # A character takes a byte at least: no more are asked for than there are.
                size = self._path.stat().st_size
                text = file.read(-1 if self.characters is None else min(self.characters, size))
        except UnicodeDecodeError as error:
            message = f"{self._path.name} is not in UTF-8: {error.reason} at byte {error.start}"
            raise Misfit(self._field, message) from None
        except OSError as error:
            message = f"{self._path.name} can't be read: {error.strerror or error}"
            raise Misfit(self._field, message) from None
        if self.characters is not None and len(text) < self.characters:
            message = f"found {self.characters}, allowed: at most {len(text)}, which {self._path.name} has"
            raise Misfit("characters", message)
        return text

    @cached_property
    def alphabet(self) -> str:
        """The different characters: that of token k stands at place k; the last of "ascii" is for others."""
        return _ASCII + _OTHER if self.symbols == "ascii" else "".join(sorted(set(self.text)))

    @cached_property
    def _tokens(self) -> NDArray[np.int64]:
        codes = np.frombuffer(self.text.encode("utf-32-le"), dtype="<u4")
        if self.symbols == "own":
            return np.unique(codes, return_inverse=True)[1].astype(np.int64)
        known = np.frombuffer(_ASCII.encode("utf-32-le"), dtype="<u4")
        place = np.minimum(np.searchsorted(known, codes), len(known) - 1)
        return np.where(known[place] == codes, place, len(known)).astype(np.int64)

    @property
    def _cut(self) -> int:
        """Characters for training."""
        return len(self.text) - round(self.test * len(self.text))

    def _count(self, length: int) -> int:
        """Examples in so many characters, each with one more as its last label."""
        return max(0, (length - 1 - self.context) // self._step + 1)

    @property
    def _step(self) -> int:
        return self.stride or self.context

    @property
    def examples(self) -> int:
        """Number of training strings."""
        return self._count(self._cut)

    @property
    def features(self) -> int:
        """Characters of an example."""
        return self.context

    @property
    def positions(self) -> int:
        """Labels of an example."""
        return self.context

    @property
    def vocabulary(self) -> int:
        """Number of different characters."""
        return len(self.alphabet)

    @property
    def outputs(self) -> int:
        """Number of different characters, each a class."""
        return len(self.alphabet)

    @property
    def tested(self) -> bool:
        """Whether there are test strings."""
        return self._count(len(self.text) - self._cut) > 0

    def make(self) -> Dataset:
        """Cut the text into strings."""
        x, y = self._strings(self._tokens[: self._cut])
        return Dataset(x, y, *self._strings(self._tokens[self._cut :]), positions=self.context)

    def _strings(self, tokens: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Inputs and labels (n, context) of a part of the text."""
        starts = np.arange(self._count(len(tokens)))[:, None] * self._step
        places = starts + np.arange(self.context)
        return tokens[places].astype(np.float64), tokens[places + 1]

    def digest(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()
