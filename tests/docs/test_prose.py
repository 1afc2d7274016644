"""Sentences of the pages: what counts as one, and that they stay short where they are."""

from analysis.site.prose import LONGEST, ROOT, pages, sentences, words


def test_code_tables_and_headings_are_no_sentences_and_items_are():
    prose = "# Title\n\nOne, two. `x` is three 0.5 [a link](b.md)!\n\n"
    text = f"{prose}| a | b |\n\n```sh\nno\n```\n\n- Four\n- five $a b$."

    assert sentences(text) == ["One, two.", "X is three 0.5 a link!", "Four", "five X."]
    assert words("five X – 3.") == 3


def test_no_sentence_of_a_page_is_too_long():
    for page in pages():
        name = page.relative_to(ROOT).as_posix()
        found = [one for one in sentences(page.read_text(encoding="utf-8")) if words(one) > LONGEST]
        assert not found, (name, found)
