"""The state of a training in its middle, on disk: what goes on from it makes the same bits."""

from __future__ import annotations

import hashlib
import io
import random
import time as clock
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from sdesim.errors import RunError, failure
from sdesim.io.files import atomic_write_bytes
from sdesim.training.loop.trajectory import SeedState

# Writing takes at most a twentieth of the time, and is not worth while more often than this many seconds.
_SHARE, _LEAST = 0.05, 2.0
_DIGEST = "digest"
_ADVICE = "remove it, and that seed is trained again"


class _Counted(Protocol):
    @property
    def step(self) -> int: ...


State = TypeVar("State", bound=_Counted)


class Checkpoints(Generic[State]):
    """The one file that holds the latest state of a training.

    Args:
        path: of the file.
        every: optimizer steps between states; None: as often as costs at most 5% of the time.
        stored: state → plain containers, numbers, strings and tensors.
        put_back: (state, what was stored) puts the state there.
    """

    def __init__(
        self, path: Path, every: int | None, stored: Callable[[State], dict[str, Any]],
        put_back: Callable[[State, dict[str, Any]], None],
    ) -> None:  # fmt: skip
        self._path, self._every, self._stored, self._put_back = path, every, stored, put_back
        self._last, self._pause = clock.perf_counter(), _LEAST
        self._able = True

    def step(self, state: State) -> None:
        """Write the state where it is due.

        Raises:
            RunError: the disk refuses.
        """
        if not self._able:
            return
        began = clock.perf_counter()
        due = began - self._last >= self._pause if self._every is None else state.step % self._every == 0
        if not due:
            return
        buffer = io.BytesIO()
        stored = self._stored(state)
        torch.save({**stored, _DIGEST: digest_of(stored)}, buffer)
        # A folder that was moved away is not made anew.
        atomic_write_bytes(self._path, buffer.getvalue(), make_folder=False)
        self._last = clock.perf_counter()
        self._pause = max(_LEAST, (self._last - began) / _SHARE)

    def restore(self, state: State) -> None:
        """Put a training that has just begun where the file says, if there is one.

        An optimizer or scheduler whose state is no plain numbers can't be kept, with a warning: such a seed
        starts again after an interruption.

        Raises:
            RunError: the file can't be read, is not as it was written, or is of another training.
        """
        try:
            self._stored(state)
        except (RunError, AttributeError) as error:
            self._able = False
            warnings.warn(f"an interrupted seed of this run will start again: {error}", stacklevel=2)
            return
        if not self._path.exists():
            return
        try:
            # Numbers, strings and tensors alone: nothing in the file is executed.
            stored = torch.load(self._path, weights_only=True)
            digest = stored.pop(_DIGEST, None)
        except Exception as error:
            raise RunError(f"{self._path} can't be read ({type(error).__name__}): {_ADVICE}") from error
        if digest != digest_of(stored):
            raise RunError(f"{self._path} is not as it was written: {_ADVICE}")
        try:
            self._put_back(state, stored)
        except Exception as error:
            raise RunError(f"{self._path} is of another training ({failure(error)}): {_ADVICE}") from error


def digest_of(stored: Any) -> str:
    """Digest of plain containers, numbers, texts and tensors: of what they hold and how it is nested."""
    digest = hashlib.sha256()

    def add(value: Any) -> None:
        if isinstance(value, Tensor):
            held = value.detach().cpu().contiguous()
            digest.update(f"tensor {held.dtype} {tuple(held.shape)}".encode())
            # NumPy has not all types of torch; bytes it has.
            digest.update(held.reshape(-1).view(torch.uint8).numpy().tobytes() if held.numel() else b"")
        elif isinstance(value, dict):
            digest.update(f"dict {len(value)}".encode())
            for name, part in value.items():
                digest.update(repr(name).encode())
                add(part)
        elif isinstance(value, list | tuple):
            digest.update(f"list {len(value)}".encode())
            for part in value:
                add(part)
        else:
            digest.update(f"{type(value).__name__} {value!r} ".encode())

    add(stored)
    return digest.hexdigest()


def seed_stored(state: SeedState) -> dict[str, Any]:
    """The whole state of one seed."""
    named = [*state.model.named_parameters(), *state.model.named_buffers()]
    _, keys, place, spare, normal = np.random.get_state()  # noqa: NPY002
    scheduler = None if state.scheduler is None else state.scheduler.state_dict()
    return {
        "step": state.step,
        "stopped": state.stopped,
        "message": state.message,
        "model": {name: tensor.detach() for name, tensor in named},
        "modes": [part.training for part in state.model.modules()],
        "optimizer": _plain(state.optimizer.state_dict(), "the optimizer's state"),
        "scheduler": _plain(scheduler, "the scheduler's state"),
        "batches": state.batches.state(),
        "tangent": None if state.tangent is None else state.tangent.state(),
        "clients": None if state.clients is None else state.clients.state(),
        "clipping": None if state.clipping is None else state.clipping.state(),
        "values": {name: torch.from_numpy(array) for name, array in state.values.items()},
        "rates": torch.from_numpy(state.rates),
        "seconds": [state.training, state.probing, state.branching],
        "path": state.path,
        "hvp": list(state.hvp),
        "ritz": {name: torch.as_tensor(kept) for name, kept in state.ritz.held.items()},
        "failures": state.failures.state(),
        "reasons": dict(state.reasons),
        "torch": torch.get_rng_state(),
        "numpy": [torch.from_numpy(np.asarray(keys, dtype=np.int64)), int(place), int(spare), float(normal)],
        "python": list(_flat(random.getstate())),
    }


def seed_restored(state: SeedState, stored: dict[str, Any]) -> None:
    """Put a seed where `seed_stored` found it."""
    held = dict([*state.model.named_parameters(), *state.model.named_buffers()])
    for name, tensor in stored["model"].items():
        if held[name].shape != tensor.shape:
            raise RunError(f"its {name} has another shape")
    for name, tensor in stored["values"].items():
        if name in state.values and state.values[name].shape != tuple(tensor.shape):
            raise RunError(f"its values of {name} have another shape")
    step, steps = stored["step"], len(state.rates) - 1
    if type(step) is not int or not 0 <= step <= steps:
        raise RunError(f"it is of step {step}, of a training of {steps}")
    with torch.no_grad():
        for name, tensor in stored["model"].items():
            held[name].copy_(tensor)
    for part, mode in zip(state.model.modules(), stored["modes"], strict=True):
        part.training = mode
    state.optimizer.load_state_dict(stored["optimizer"])
    if state.scheduler is not None:
        state.scheduler.load_state_dict(stored["scheduler"])
    state.batches.restore(stored["batches"])
    if state.tangent is not None:
        state.tangent.restore(stored["tangent"])
    if state.clients is not None:
        state.clients.restore(stored["clients"])
    if state.clipping is not None:
        state.clipping.restore(stored["clipping"])
    state.values.update({name: tensor.numpy().copy() for name, tensor in stored["values"].items()})
    state.rates[:] = stored["rates"].numpy()
    state.training, state.probing, state.branching = stored["seconds"]
    state.step, state.path = stored["step"], stored["path"]
    state.stopped, state.message = stored["stopped"], stored["message"]
    method, error = stored["hvp"]
    state.hvp, state.reasons = (method, error), stored["reasons"]
    state.ritz.held = dict(stored["ritz"])
    state.failures.restore(stored["failures"])
    torch.set_rng_state(stored["torch"])
    keys, place, spare, normal = stored["numpy"]
    np.random.set_state(("MT19937", keys.numpy().astype(np.uint32), place, spare, normal))  # noqa: NPY002
    version, *words, gauss = stored["python"]
    random.setstate((version, tuple(words), gauss))


def _flat(state: Any) -> list[Any]:
    """Python's generator (version, words, spare normal) as one list."""
    version, words, gauss = state
    return [version, *words, gauss]


def _plain(value: Any, where: str) -> Any:
    """The same of plain containers, numbers, strings and tensors.

    Raises:
        RunError: if there is anything else.
    """
    if isinstance(value, Tensor):
        return value.detach()
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value)
    if isinstance(value, dict):
        items = {k: _plain(v, where) for k, v in value.items()}
        return Counter(items) if isinstance(value, Counter) else items
    if type(value) in (list, tuple):
        return type(value)(_plain(v, where) for v in value)
    raise RunError(f"{where} holds a {type(value).__name__}, which can't be stored as plain numbers")
