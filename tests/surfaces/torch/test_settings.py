"""Settings of torch as a whole, with several threads inside at a time."""

import threading
from importlib import import_module

import pytest

torch = pytest.importorskip("torch")
settings = import_module("sdesim.surfaces.torch.settings")


def _seen():
    return torch.get_num_threads(), torch.backends.cuda.flash_sdp_enabled()


@pytest.mark.parametrize("first_out", [0, 1])
def test_threads_come_and_go_without_changing_each_others_settings(first_out):
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    inside, go, found = threading.Barrier(3), [threading.Event(), threading.Event()], {}

    def work(k):
        with settings.one_thread(), settings.twice_differentiable():
            inside.wait()
            go[k].wait()
            found[k] = _seen()

    workers = [threading.Thread(target=work, args=(k,)) for k in range(2)]
    try:
        for worker in workers:
            worker.start()
        inside.wait()
        for k in (first_out, 1 - first_out):
            go[k].set()
            workers[k].join()
        after: list[int] = []
        new = threading.Thread(target=lambda: after.append(torch.get_num_threads()))
        new.start()
        new.join()

        assert found == {0: (1, False), 1: (1, False)}
        assert _seen() == (3, True)
        assert after == [3]
    finally:
        torch.set_num_threads(before)
