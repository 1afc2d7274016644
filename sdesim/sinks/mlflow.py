"""Measurements as metrics of MLflow."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from sdesim.errors import RunError, failure
from sdesim.kinds import kind
from sdesim.sinks.base import Base, Row, scalars

# What MLflow takes in the name of a metric.
_OTHER = re.compile(r"[^\w\-. /]")


@kind("sinks", "mlflow")
@dataclass(frozen=True)
class MLflow(Base):
    """Metrics under sdesim/ of the MLflow run that is active, else of one of its own; needs mlflow.

    Args:
        uri: where runs are kept, as in sqlite:///mlflow.db or file:mlruns; without it where MLflow does.
        experiment: of a run of its own.
        name: of a run of its own; without it one that MLflow makes up.

    Example:
        {kind: mlflow, uri: sqlite:///mlflow.db}
    """

    uri: str | None = None
    experiment: str = "sdesim"
    name: str | None = None

    def open(self) -> MLflowSink:
        """Look for the package and the store; the run begins with the first measurement."""
        return MLflowSink(self)


class MLflowSink:
    """What `MLflow` opens.

    Args:
        recipe: its fields.

    Raises:
        RunError: the package mlflow is absent, or the store can't be used.
    """

    def __init__(self, recipe: MLflow | None = None) -> None:
        if find_spec("mlflow") is None:
            raise RunError("the sink mlflow needs the package mlflow: pip install mlflow")
        from mlflow import MlflowClient

        self._recipe, self._run, self._own = recipe or MLflow(), "", False
        try:
            self._client: Any = MlflowClient(tracking_uri=self._recipe.uri)
            self._client.search_experiments(max_results=1)
        except Exception as error:
            where = "MLflow's own store" if self._recipe.uri is None else self._recipe.uri
            raise RunError(f"the sink mlflow can't use {where}: {failure(error)}") from error

    def write(self, measurement: Row) -> None:
        """Log every finite number of the measurement."""
        from mlflow.entities import Metric

        self._run = self._run or self._begun()
        now, step = int(1000 * time.time()), measurement.step
        numbers = {"sdesim/" + _OTHER.sub("_", name): v for name, v in scalars(measurement).items()}
        self._client.log_batch(self._run, [Metric(name, v, now, step) for name, v in numbers.items()])

    def _begun(self) -> str:
        """The id of the run."""
        import mlflow

        active = mlflow.active_run()
        if active is not None and self._recipe.uri is None:
            return str(active.info.run_id)
        self._own, r = True, self._recipe
        known = self._client.get_experiment_by_name(r.experiment)
        where = self._client.create_experiment(r.experiment) if known is None else known.experiment_id
        return str(self._client.create_run(where, run_name=r.name).info.run_id)

    def close(self) -> None:
        """Mark a run of its own, which a further write goes on with, as finished, or let go of the active."""
        if self._own:
            self._client.set_terminated(self._run)
        else:
            self._run = ""
