"""The verbs that run studies: bad input is refused before anything runs."""

import pytest

from tests.commands.calling import call


@pytest.mark.parametrize(
    ("arguments", "word"),
    [(("calibrate", "no_estimator"), "no_estimator"), (("calibrate", "--processes", "0"), "processes")],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, word, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert call(*arguments) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert word in err
    assert list(tmp_path.iterdir()) == []
