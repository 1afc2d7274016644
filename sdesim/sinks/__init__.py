"""Where a monitor's measurements can go: recipes of sinks, and open ones. (A Run: `Monitor.run`.)"""

from sdesim.sinks.base import Base as Base
from sdesim.sinks.base import Row as Row
from sdesim.sinks.base import Sink as Sink
from sdesim.sinks.base import opened as opened
from sdesim.sinks.csv_file import Csv as Csv
from sdesim.sinks.csv_file import CsvSink as CsvSink
from sdesim.sinks.tensorboard import TensorBoard as TensorBoard
from sdesim.sinks.tensorboard import TensorBoardSink as TensorBoardSink

__all__ = ["Base", "Csv", "CsvSink", "Row", "Sink", "TensorBoard", "TensorBoardSink", "opened"]
