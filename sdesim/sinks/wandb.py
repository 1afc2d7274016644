"""Measurements as metrics of Weights & Biases."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal

from sdesim.errors import RunError
from sdesim.kinds import kind
from sdesim.sinks.base import Base, Row, scalars


@kind("sinks", "wandb")
@dataclass(frozen=True)
class WandB(Base):
    """Metrics under sdesim/ of the Weights & Biases run that is active, else of one of its own; needs wandb.

    Their axis is sdesim/step, so that they stand beside what the training logs itself.

    Args:
        project: of a run of its own.
        name: of a run of its own; without it one that wandb makes up.
        folder: where a run of its own keeps its files; without it where wandb does.
        mode: "offline" keeps a run of its own on this machine, for `wandb sync`; "online" sends it.
    """

    project: str = "sdesim"
    name: str | None = None
    folder: str | None = None
    mode: Literal["offline", "online"] = "offline"

    def open(self) -> WandBSink:
        """Look for the package; the run begins with the first measurement."""
        return WandBSink(self)


class WandBSink:
    """What `WandB` opens.

    Args:
        recipe: its fields. run: of wandb, to log to; default the active one.

    Raises:
        RunError: the package wandb is absent.
    """

    def __init__(self, recipe: WandB | None = None, *, run: Any = None) -> None:
        if run is None and find_spec("wandb") is None:
            raise RunError("the sink wandb needs the package wandb: pip install wandb")
        self._recipe, self._run = recipe or WandB(), run
        self._own, self._defined = False, False
        self._id: str | None = None

    def write(self, measurement: Row) -> None:
        """Log every finite number of the measurement."""
        if self._run is None:
            self._run = self._begun()
        if not self._defined:
            self._run.define_metric("sdesim/*", step_metric="sdesim/step")
            self._defined = True
        numbers = {f"sdesim/{name}": value for name, value in scalars(measurement).items()}
        self._run.log({"sdesim/step": measurement.step, **numbers})

    def _begun(self) -> Any:
        import wandb

        if wandb.run is not None:
            return wandb.run
        r = self._recipe
        run = wandb.init(
            project=r.project, name=r.name, dir=r.folder, mode=r.mode, id=self._id,
            settings=wandb.Settings(silent=True, console="off"),
        )  # fmt: skip
        self._own, self._id = True, run.id
        return run

    def close(self) -> None:
        """End a run of its own, which a further write goes on with, or let go of the active one."""
        if self._own and self._run is not None:
            self._run.finish()
        self._run, self._own, self._defined = None, False, False
