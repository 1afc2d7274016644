"""Tables for notebooks."""

import xml.etree.ElementTree as ET

from sdesim.io.html import html_table


def test_every_text_of_a_table_is_escaped():
    nasty = "<script>&\"'"

    made = html_table((nasty, "b"), [(nasty, nasty)], nasty, nasty)

    root = ET.fromstring(f"<div>{made}</div>")
    texts = [t for t in root.itertext() if t != "b"]
    assert texts == [nasty] * 5
    assert not list(root.iter("script"))
