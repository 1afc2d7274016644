"""Help with words that were spelt differently."""

from sdesim.kinds.spelling import nearest, short


def test_a_close_word_is_proposed_and_otherwise_all_are_listed():
    assert nearest("hune", ["heun", "sgd"]) == ", did you mean 'heun'?"
    assert nearest("xyz", ["heun", "sgd"]) == ", allowed: heun, sgd"


def test_a_long_value_is_cut_and_a_short_one_is_not():
    assert short("ab") == "'ab'"
    assert short("x" * 58) == repr("x" * 58)
    assert short("x" * 59) == "'" + "x" * 56 + "…"
