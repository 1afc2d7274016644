"""Where a monitor's measurements can go: `sdesim.sinks`."""

from sdesim.sinks import CsvSink as CsvSink
from sdesim.sinks import TensorBoardSink as TensorBoardSink
