"""Measurements as lines of JSON."""

import json
import math

from sdesim.sinks import JsonLines
from tests.sinks.rows import measured


def test_a_flat_line_for_each_of_what_was_measured(tmp_path):
    sink = JsonLines(str(tmp_path / "new" / "a.jsonl")).open()
    sink.write(measured(1))
    sink.close()
    sink.write(measured(2, lambda_max=(3.0, 2.0, math.inf), groups={"0": 0.5}))
    sink.close()

    first, second = map(json.loads, (tmp_path / "new" / "a.jsonl").read_text().splitlines())
    assert (first["step"], first["C_alpha"], first["C_alpha_high"]) == (1, 0.5, 1.0)
    assert "lambda_max" not in first
    assert (second["lambda_max_high"], second["C_group.0"]) == ("Infinity", 0.5)
