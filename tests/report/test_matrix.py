"""Names of quantities as ids, which stand in a style sheet too."""

from __future__ import annotations

import re

from sdesim.report.matrix import _identifier


def test_an_id_holds_no_sign_that_would_end_a_selector_and_two_names_have_two():
    names = ["C_group.0", "C_group.a b", "C_group.a{", "x){}*{display:none", "</style>", "\ud800"]

    found = [_identifier(name) for name in names]

    assert found[0] == "C_group-0"
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+", text) for text in found)
    assert len(set(found)) == len(names)
