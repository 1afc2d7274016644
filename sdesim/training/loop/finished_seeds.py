"""What a run in the making has finished, beside it, so that an interrupted call can go on."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import nn

from sdesim.compiled.jit import source_stamp
from sdesim.io.files import atomic_write_text, folder_made
from sdesim.io.sealed import read_sealed, write_sealed
from sdesim.optimizers.learning_rates.base import Base as LearningRate
from sdesim.runs import open_run
from sdesim.runs.stamp import OWN_CODE, VALUES, Fingerprint, digest_of, settle
from sdesim.training.batched.group import Group, group_restored, group_stored
from sdesim.training.data.batches import leaves
from sdesim.training.loop.checkpoint import Checkpoints, seed_restored, seed_stored
from sdesim.training.loop.code import code_of
from sdesim.training.loop.prepared import Prepared
from sdesim.training.loop.trajectory import SeedState


def fingerprint(prepared: Prepared, attrs: Mapping[str, Any]) -> Fingerprint:
    """What decides the numbers of a trajectory: settings, arrays, and the code of the user's functions."""
    recipe, found = prepared.recipe, prepared.trial.attributes()
    parts = {k: json.dumps(v, default=str) for k, v in attrs.items() if k != "name" and k not in found}
    parts |= {f"{VALUES}{k}": json.dumps(v, default=str) for k, v in found.items()}
    parts |= {
        "steps": str(recipe.steps),
        "saved steps": digest_of(prepared.saved),
        "save": f"theta={prepared.save_theta}",
        "probes": repr(prepared.probes),
        "order": repr(prepared.order),
        "groups of the optimizer": json.dumps(_groups(prepared), default=str),
        "layers of the network": digest_of(_text(repr(recipe.module))),
        "function named by loss_fn": _function_name(recipe.loss_fn),
        "learning rates": digest_of(prepared.rates),
        f"{VALUES}the training examples": _digest_of(prepared.train.x, prepared.train.y),
        f"{VALUES}the initial weights": _digest_of(*recipe.module.state_dict().values()),
    }
    if recipe.told is not None and recipe.told.groups:
        parts["names of the groups"] = json.dumps(recipe.told.groups, default=str)
    if prepared.follows_loss or prepared.momentum_changes:
        # What the learning rates that are known do not tell; those of a function are told by its code.
        parts["schedule"] = str(recipe.scheduler) if isinstance(recipe.scheduler, LearningRate) else ""
    if isinstance(recipe.loss_fn, nn.Module):
        parts[f"{VALUES}the tensors of loss_fn"] = _digest_of(*recipe.loss_fn.state_dict().values())
    if prepared.test is not None:
        parts[f"{VALUES}the test examples"] = _digest_of(prepared.test.x, prepared.test.y)
    if prepared.order.own is not None:
        parts[f"{VALUES}the sampler"] = _digest_of(*prepared.order.own.first())
    given = {"weights": prepared.train.weights, "mask": recipe.mask, "init": prepared.starts}
    parts |= {name: digest_of(np.asarray(array)) for name, array in given.items() if array is not None}
    code, places = code_of(recipe, prepared.example)
    code[OWN_CODE] = source_stamp()[:16]
    found = {name: f"{'' if name.startswith(VALUES) else '#'}{digest}" for name, digest in code.items()}
    return Fingerprint(parts | found, places)


def _digest_of(*tensors: Any) -> str:
    # NumPy has no bfloat16.
    arrays = [t.detach().cpu() for t in leaves(tensors)]
    return digest_of(*(a.float().numpy() if a.dtype == torch.bfloat16 else a.numpy() for a in arrays))


def _text(words: str) -> NDArray[np.uint8]:
    return np.frombuffer(words.encode(), dtype=np.uint8)


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
        mark: the `fingerprint` that the parts must carry.
        accept: whether to go on although code has changed since.
    """

    def __init__(self, out: Path, mark: Fingerprint, accept: bool = False) -> None:
        self.out, self.mark, self.accept = out, mark, accept
        self.folder = out.with_name(out.name + ".parts")
        self.accepted: list[str] = []

    def already_complete(self) -> bool:
        """Whether the run itself is there and no part is left over."""
        return self.out.exists() and not self.folder.exists()

    def completed(self) -> xr.Dataset:
        """The run, when the same call had already finished it.

        Raises:
            RunError: if it was made with other arguments or by other code; in one line, which.
        """
        run = open_run(self.out)
        if run.attrs.get("fingerprint") != self.mark.key:
            which = settle(self.mark, run.attrs, self.accept, f"{self.out} holds a run", "choose another out")
            warnings.warn(f"{self.out} was made before {which}: it is given back as it is", stacklevel=3)
        return run

    def open(self, resume: bool) -> None:
        """Make the folder, or take over the one that an interrupted call left.

        Raises:
            RunError: if the parts belong to a call with other arguments or other code; in one line, which.
        """
        file = self.folder / "fingerprint"
        if self.folder.exists():
            if resume and file.exists():
                before = _read(file)
                self.accepted = list(before.get("accepted_changes", []))
                if before.get("fingerprint") != self.mark.key:
                    rest = "give the same ones, or drop resume=True to start again"
                    which = settle(self.mark, before, self.accept, f"{self.out} was begun", rest)
                    self.accepted.append(which)
            if not resume:
                shutil.rmtree(self.folder)
            # What the interrupted call had written of the run is made again from its parts.
            shutil.rmtree(self.out, ignore_errors=True)
        folder_made(self.folder)
        atomic_write_text(file, json.dumps({**self.mark.attrs(), "accepted_changes": self.accepted}))

    def checkpoints(self, trajectory: int, every: int | None) -> Checkpoints[SeedState]:
        """The state of a trajectory in training."""
        return Checkpoints(self.folder / f"{trajectory}.pt", every, seed_stored, seed_restored)

    def group_checkpoints(self, first: int, every: int | None) -> Checkpoints[Group]:
        """The state of a group of trajectories in training, by the number of its first."""
        return Checkpoints(self.folder / f"{first}.pt", every, group_stored, group_restored)

    def save(self, trajectory: int, values: Mapping[str, NDArray[Any]]) -> None:
        """Keep one finished trajectory; the file appears whole or not at all."""
        write_sealed(self.folder / f"{trajectory}.npz", values)
        (self.folder / f"{trajectory}.pt").unlink(missing_ok=True)

    def load(self, trajectory: int) -> dict[str, NDArray[Any]] | None:
        """A trajectory that was finished before, or None.

        Raises:
            RunError: it can't be read, or is not as it was written.
        """
        target = self.folder / f"{trajectory}.npz"
        if not target.exists():
            return None
        return read_sealed(target, "remove it, and that seed is trained again")

    def remove(self) -> None:
        """Drop the parts of a run that is whole."""
        shutil.rmtree(self.folder)


def _read(file: Path) -> dict[str, Any]:
    """What was kept beside the parts; nothing where it can't be read."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
