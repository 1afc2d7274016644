"""An event of one's own is watched by what it says."""

from dataclasses import dataclass

import numpy as np

from sdesim import events
from tests.engine.watched import simulate


@dataclass(frozen=True)
class Falls(events.Base):
    """An event of one's own: it says what the kernel is to watch."""

    depth: float

    @property
    def name(self):
        return "falls"

    @property
    def bounds(self):
        return events.Bounds(lower=-self.depth, stop=False)


def test_an_event_of_ones_own_is_watched_by_what_it_says():
    own, shipped = simulate(Falls(0.5)), simulate(events.Exit(lower=-0.5, stop=False))

    assert list(own.event.values) == ["falls"]
    np.testing.assert_array_equal(own.exit_time.values, shipped.exit_time.values)
