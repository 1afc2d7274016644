"""A kind inside a kind: errors keep their path."""

from __future__ import annotations

from sdesim.kinds import (
    read,
)
from tests.kinds.bowls import Within, messages


def test_errors_inside_an_inner_kind_keep_their_path():
    text = messages(
        lambda: read("test-bowls", {"kind": "within", "inner": {"kind": "within", "inner": {"kind": "bwl"}}})
    )

    assert text == "inner.inner.kind: found 'bwl', allowed: bowl, within, did you mean 'bowl'?"
    deep = {"kind": "within", "inner": {"kind": "bowl", "rates": 1, "sizes": [1, -1]}}
    assert messages(lambda: read("test-bowls", deep)).startswith("inner.sizes[1]: found -1")
    assert messages(lambda: Within(inner={"kind": "bowl"})) == "inner.rates: missing"
    assert messages(lambda: Within(inner=3)).startswith("inner: found 3, allowed: a kind of test-bowls: bowl")
