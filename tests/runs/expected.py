"""What a scenario's expectation finds of a run."""

from __future__ import annotations

from sdesim.scenario.expectations import find
from sdesim.scenario.models import Expect


def ask(name, run, measured):
    return find(Expect(arm="net", quantity=name, above=0.0), run, measured, {})
