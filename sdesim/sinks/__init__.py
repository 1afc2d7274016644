"""Where a monitor's measurements can go: recipes of sinks, and open ones. (A Run: `Monitor.run`.)"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdesim.kinds.bases import public_names

if TYPE_CHECKING:
    from sdesim.sinks.base import Base as Base
    from sdesim.sinks.base import Row as Row
    from sdesim.sinks.base import Sink as Sink
    from sdesim.sinks.base import opened as opened
    from sdesim.sinks.csv_file import Csv as Csv
    from sdesim.sinks.csv_file import CsvSink as CsvSink
    from sdesim.sinks.folder import Folder as Folder
    from sdesim.sinks.folder import FolderSink as FolderSink
    from sdesim.sinks.json_lines import JsonLines as JsonLines
    from sdesim.sinks.json_lines import JsonLinesSink as JsonLinesSink
    from sdesim.sinks.mlflow import MLflow as MLflow
    from sdesim.sinks.mlflow import MLflowSink as MLflowSink
    from sdesim.sinks.outlets import Outlets as Outlets
    from sdesim.sinks.tensorboard import TensorBoard as TensorBoard
    from sdesim.sinks.tensorboard import TensorBoardSink as TensorBoardSink
    from sdesim.sinks.terminal import Terminal as Terminal
    from sdesim.sinks.terminal import TerminalSink as TerminalSink
    from sdesim.sinks.wandb import WandB as WandB
    from sdesim.sinks.wandb import WandBSink as WandBSink

_HOMES = {
    "Base": "base",
    "Row": "base",
    "Sink": "base",
    "opened": "base",
    "CsvSink": "csv_file",
    "FolderSink": "folder",
    "JsonLinesSink": "json_lines",
    "MLflowSink": "mlflow",
    "Outlets": "outlets",
    "TensorBoardSink": "tensorboard",
    "TerminalSink": "terminal",
    "WandBSink": "wandb",
}

_get, __dir__ = public_names(__name__, "sinks", _HOMES)


def __getattr__(name: str) -> Any:
    return _get(name)
