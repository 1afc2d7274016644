"""What is no cluster, or where none is, is refused before anything is written."""

import os

import pytest

from sdesim.cli import main
from sdesim.engine.cluster.clients import check_cluster, workers_of
from sdesim.errors import SdesimError
from sdesim.io.scheduler import threads_of

COMMAND = ["sdesim", "run", "flat-vs-sharp", "--cluster", "tcp://127.0.0.1:1"]


@pytest.mark.parametrize("wrong", [True, 0, -1, 1.5, [2], "nonsense", "tcp://127.0.0.1:1"])
def test_what_is_no_cluster_is_refused_in_one_line(wrong):
    with pytest.raises(SdesimError, match=r"cluster|scheduler") as told:
        check_cluster(wrong)

    assert "\n" not in str(told.value)


def test_the_command_writes_nothing_where_there_is_no_cluster(tmp_path, capsys, monkeypatch):
    out = tmp_path / "run"
    monkeypatch.setattr("sys.argv", [*COMMAND, "--out", str(out)])

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 2
    assert "no Dask scheduler at tcp://127.0.0.1:1" in capsys.readouterr().err
    assert not out.exists()


def test_threads_of_all_workers_count(client):
    assert threads_of(client) == 2


def test_workers_are_as_many_as_there_are_cores_for(client):
    assert workers_of(client) == 2
    assert workers_of(1) == 1
    assert workers_of(10**5) == os.cpu_count()
