"""What a docstring says of a kind."""

from __future__ import annotations

from sdesim.kinds import (
    documented,
)
from tests.kinds.bowls import Bowl


def test_a_docstring_gives_texts_source_and_example():
    words = documented(Bowl)

    assert words.first == "½ Σ rate x²."
    assert words.more == "The simplest there is."
    assert words.fields["rates"] == "λ, one for all or one each."
    assert words.source == "nobody."
    assert words.example == "{kind: bowl, rates: 2.0}"
