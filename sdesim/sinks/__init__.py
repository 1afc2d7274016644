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
    from sdesim.sinks.tensorboard import TensorBoard as TensorBoard
    from sdesim.sinks.tensorboard import TensorBoardSink as TensorBoardSink

_HOMES = {
    "Base": "base",
    "Row": "base",
    "Sink": "base",
    "opened": "base",
    "CsvSink": "csv_file",
    "TensorBoardSink": "tensorboard",
}

_get, __dir__ = public_names(__name__, "sinks", _HOMES)


def __getattr__(name: str) -> Any:
    return _get(name)
