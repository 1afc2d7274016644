"""What a run in the making has finished, beside it, so that an interrupted call can go on."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from torch import nn

from sdesim.errors import RunError
from sdesim.io.files import atomic_write_bytes, atomic_write_text
from sdesim.runs import open_run
from sdesim.training.data.batches import leaves
from sdesim.training.loop.checkpoint import Checkpoints
from sdesim.training.loop.prepared import Prepared


def fingerprint(prepared: Prepared, attrs: Mapping[str, Any]) -> str:
    """A digest of what decides the numbers of a trajectory, short of the code of the user's functions."""
    digest = hashlib.sha256()
    probes = prepared.probes
    settings = [
        {k: v for k, v in attrs.items() if k != "name"},
        prepared.recipe.steps,
        sorted(prepared.saved.tolist()),
        prepared.save_theta,
        repr(probes),
        repr(prepared.order),
        _groups(prepared),
        repr(prepared.recipe.module),
        _function_name(prepared.recipe.loss_fn),
    ]
    digest.update(json.dumps(settings, sort_keys=True, default=str).encode())
    arrays: list[NDArray[Any]] = [prepared.rates]
    for examples in (prepared.train, prepared.test):
        if examples is not None:
            arrays += [t.cpu().numpy() for t in leaves((examples.x, examples.y))]
    arrays += [t.detach().cpu().numpy() for t in prepared.recipe.module.state_dict().values()]
    if prepared.order.own is not None:
        arrays += [batch.numpy() for batch in prepared.order.own.first()]
    if prepared.train.weights is not None:
        arrays.append(prepared.train.weights.numpy())
    arrays += [a for a in (prepared.recipe.mask, prepared.starts) if a is not None]
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _groups(prepared: Prepared) -> list[dict[str, Any]]:
    """The plain settings of every parameter group."""
    groups = prepared.example.param_groups
    plain = (bool, int, float, str, tuple, list)
    return [{k: v for k, v in g.items() if k != "params" and isinstance(v, plain)} for g in groups]


def _function_name(function: Any) -> str:
    return repr(function) if isinstance(function, nn.Module) else getattr(function, "__qualname__", "")


class FinishedSeeds:
    """One .npz for each finished trajectory in ``<out>.parts``, and one .pt of the state of an unfinished
    one; removed once the run is whole.

    Args:
        out: path of the run.
        key: the `fingerprint` that the parts must carry.
    """

    def __init__(self, out: Path, key: str) -> None:
        self.out = out
        self.folder = out.with_name(out.name + ".parts")
        self.key = key

    def already_complete(self) -> bool:
        """Whether the run itself is there and no part is left over."""
        return self.out.exists() and not self.folder.exists()

    def completed(self) -> xr.Dataset:
        """The run, when the same call had already finished it.

        Raises:
            RunError: if it was made with other arguments.
        """
        run = open_run(self.out)
        if run.attrs.get("fingerprint") != self.key:
            raise RunError(f"{self.out} holds a run with other arguments: choose another out")
        return run

    def open(self, resume: bool) -> None:
        """Make the folder, or take over the one that an interrupted call left.

        Raises:
            RunError: if the parts belong to a call with other arguments.
        """
        mark = self.folder / "fingerprint"
        if self.folder.exists():
            if resume and mark.exists() and mark.read_text() != self.key:
                raise RunError(
                    f"{self.out} was begun with other arguments: give the same ones, or drop resume=True to "
                    "start again"
                )
            if not resume:
                shutil.rmtree(self.folder)
            # What the interrupted call had written of the run is made again from its parts.
            shutil.rmtree(self.out, ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        atomic_write_text(mark, self.key)

    def checkpoints(self, trajectory: int, every: int | None) -> Checkpoints:
        """The state of a trajectory in training."""
        return Checkpoints(self.folder / f"{trajectory}.pt", every)

    def save(self, trajectory: int, values: Mapping[str, NDArray[Any]]) -> None:
        """Keep one finished trajectory; the file appears whole or not at all."""
        buffer = io.BytesIO()
        np.savez(buffer, **dict(values))  # type: ignore[arg-type,unused-ignore]
        atomic_write_bytes(self.folder / f"{trajectory}.npz", buffer.getvalue())
        (self.folder / f"{trajectory}.pt").unlink(missing_ok=True)

    def load(self, trajectory: int) -> dict[str, NDArray[Any]] | None:
        """A trajectory that was finished before, or None."""
        target = self.folder / f"{trajectory}.npz"
        if not target.exists():
            return None
        with np.load(target, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}

    def remove(self) -> None:
        """Drop the parts of a run that is whole."""
        shutil.rmtree(self.folder)
