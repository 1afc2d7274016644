"""What ranks of one training tell one another, without a collective: nothing here can hang a training.

Messages go through the store that the process group was made with. The first rank takes those of all others
and answers once, for all: so whatever it heard, and whoever was late, every rank goes on from the same words.
Waits have an end, and no order with the training's own collectives is to be kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from sdesim.errors import RunError

# Seconds that a rank is waited for, and the longest pause between two looks.
PATIENCE = 5.0
_PAUSE = 1e-3
# Readings in a row that a rank may miss.
_MISSES = 2
# How many watches of these ranks this process has made: those of all ranks are made in the same order.
_made: dict[str, int] = {}


class Exchange:
    """The ranks of one watched training.

    Args:
        store: of the process group. ranks: global numbers of those that train together; me: this one's.
        about: what all of them must agree in.
    """

    def __init__(self, store: Any, ranks: Sequence[int], me: int, about: str) -> None:
        self._store, self.ranks, self.me = store, list(ranks), me
        self._among = ".".join(map(str, self.ranks))
        self._number = _made[self._among] = _made.get(self._among, 0) + 1
        self._name, self._about = f"sdesim.watch/{self._among}/{self._number}", about
        self._misses, self._stale, self._met = 0, list[str](), False
        store.set(self._key("here", me), about)

    @property
    def first(self) -> bool:
        """Whether this rank answers."""
        return self.me == self.ranks[0]

    def _key(self, what: str, rank: int) -> str:
        return f"{self._name}/{what}/{rank}"

    def _meet(self) -> None:
        """Refuse ranks that are not watched, or watch something else."""
        absent = [r for r in self.ranks if not self._store.check([self._key("here", r)])]
        if absent:
            # Nobody was met: the next watch has this one's number, as it has on the other ranks.
            self._store.delete_key(self._key("here", self.me))
            if _made[self._among] == self._number:
                _made[self._among] -= 1
            raise RunError(f"rank {absent[0]} of {len(self.ranks)} is not watched: watch on every rank")
        for rank in self.ranks:
            if self._store.get(self._key("here", rank)).decode() != self._about:
                raise RunError(f"rank {rank} watches other parameters than rank {self.me}")
        self._met = True

    def together(self, step: int, told: bytes, answer: Callable[[list[bytes]], bytes]) -> bytes:
        """The first rank's answer to what all ranks tell of a step.

        Args:
            step: which. told: by this rank. answer: of the first rank, from what each told, in order.

        Raises:
            RunError: a rank is not there; then no rank has an answer, or this one alone has none.
        """
        if not self._met:
            self._meet()
        try:
            return self._answered(step, told, answer)
        except Exception:
            if self.first:
                # Those who come late are not to wait.
                self._store.set(self._key(f"answer.{step}", self.me), b"")
            raise

    def _answered(self, step: int, told: bytes, answer: Callable[[list[bytes]], bytes]) -> bytes:
        answered = self._key(f"answer.{step}", self.ranks[0])
        if not self.first:
            self._store.set(self._key(f"told.{step}", self.me), told)
            if not self._wait([answered], 2 * PATIENCE):
                raise RunError(f"rank {self.ranks[0]} did not answer in {2 * PATIENCE:g} seconds")
            found = bytes(self._store.get(answered))
            if not found:
                raise RunError(f"rank {self.ranks[0]} reads no more")
            return found
        keys = [self._key(f"told.{step}", rank) for rank in self.ranks[1:]]
        self._wait(keys, PATIENCE)
        heard = [bytes(self._store.get(key)) if self._store.check([key]) else b"" for key in keys]
        self._misses = 0 if all(heard) else self._misses + 1
        if self._misses >= _MISSES:
            raise RunError(f"rank {self.ranks[1 + heard.index(b'')]} was not heard of in {_MISSES} readings")
        found = answer([told, *heard])
        self._store.set(answered, found)
        if not self._misses:
            # Who told something of this step has read the answer to the one before.
            for key in self._stale:
                self._store.delete_key(key)
            self._stale = []
        self._stale += [*keys, answered]
        return found

    def _wait(self, keys: list[str], seconds: float) -> bool:
        """Whether all are there before so long has passed."""
        until, pause = time.monotonic() + seconds, 2e-5
        while not self._store.check(keys):
            if time.monotonic() > until:
                return False
            time.sleep(pause)
            pause = min(_PAUSE, 1.5 * pause)
        return True
