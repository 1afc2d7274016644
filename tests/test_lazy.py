"""Public names that are imported on first use."""

import sys

import pytest

from sdesim.lazy import lazy_names


def test_a_name_is_imported_from_its_home_only_when_asked_for(tmp_path, monkeypatch):
    (tmp_path / "lazy_example").mkdir()
    (tmp_path / "lazy_example" / "__init__.py").write_text("")
    (tmp_path / "lazy_example" / "deep.py").write_text("answer = 42\n")
    monkeypatch.syspath_prepend(tmp_path)
    get, names = lazy_names("lazy_example", {"answer": "deep", "alone": "nowhere"})

    assert names() == ["alone", "answer"]
    assert "lazy_example.deep" not in sys.modules
    assert get("answer") == 42
    for name in ("lazy_example.deep", "lazy_example"):
        del sys.modules[name]


def test_an_unknown_name_is_an_attribute_error():
    get, _ = lazy_names("lazy_example", {})

    with pytest.raises(AttributeError, match="module 'lazy_example' has no attribute 'question'"):
        get("question")
