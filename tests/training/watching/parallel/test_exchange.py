"""Ranks that tell one another what they read, and some that do not."""

import threading

import pytest
import torch.distributed as dist

from sdesim.errors import RunError
from sdesim.training.watching.parallel import exchange
from sdesim.training.watching.parallel.exchange import Exchange


@pytest.fixture
def store(monkeypatch):
    monkeypatch.setattr(exchange, "_made", {})
    monkeypatch.setattr(exchange, "PATIENCE", 0.1)
    return dist.HashStore()


def member(store, rank, about="one model", ranks=(0, 1)):
    exchange._made.clear()
    return Exchange(store, ranks, rank, about)


def joined(messages):
    return b"+".join(messages)


def at_once(*works):
    """What each returns or raises, in threads of their own."""
    found = [None] * len(works)

    def run(k, work):
        try:
            found[k] = work()
        except RunError as error:
            found[k] = str(error)

    threads = [threading.Thread(target=run, args=x) for x in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_all_have_the_first_rank_s_answer_and_the_store_does_not_grow(store):
    first, second = member(store, 0), member(store, 1)

    sizes = []
    for step in range(4):
        told = [x.encode() * (step + 1) for x in "ab"]
        found = at_once(
            lambda step=step, told=told: first.together(step, told[0], joined),
            lambda step=step, told=told: second.together(step, told[1], joined),
        )
        assert found == [b"+".join(told)] * 2
        sizes.append(store.num_keys())
    assert len(set(sizes)) == 1


def test_a_rank_that_is_late_goes_on_from_the_same_answer_and_one_that_is_gone_ends_it(store):
    first, second = member(store, 0), member(store, 1)
    at_once(lambda: first.together(0, b"a", joined), lambda: second.together(0, b"b", joined))

    assert first.together(1, b"a", joined) == b"a+"
    assert second.together(1, b"late", joined) == b"a+"
    assert (
        at_once(lambda: first.together(2, b"a", joined), lambda: second.together(2, b"b", joined))
        == [b"a+b"] * 2
    )
    assert first.together(3, b"a", joined) == b"a+"
    with pytest.raises(RunError, match="rank 1 was not heard of in 2 readings"):
        first.together(4, b"a", joined)
    with pytest.raises(RunError, match="rank 0 reads no more"):
        second.together(4, b"b", joined)


def test_without_the_first_rank_the_others_wait_no_longer_than_they_may(store):
    _, second = member(store, 0), member(store, 1)
    with pytest.raises(RunError, match=r"rank 0 did not answer in 0\.2 seconds"):
        second.together(0, b"b", joined)


def test_a_rank_alone_is_refused_at_once(store, monkeypatch):
    monkeypatch.setattr(exchange, "PATIENCE", 1e6)
    with pytest.raises(RunError, match="rank 1 of 2 is not watched: watch on every rank"):
        member(store, 0).together(0, b"a", joined)

    # What is watched on both ranks next finds one another.
    first, second = Exchange(store, (0, 1), 0, ""), member(store, 1, "")
    found = at_once(lambda: first.together(0, b"a", joined), lambda: second.together(0, b"b", joined))
    assert found == [b"a+b"] * 2


def test_ranks_that_watch_different_things_are_refused(store):
    first, second = member(store, 0), member(store, 1, "another model")
    found = at_once(lambda: first.together(0, b"a", joined), lambda: second.together(0, b"b", joined))
    assert found == [
        "rank 1 watches other parameters than rank 0",
        "rank 0 watches other parameters than rank 1",
    ]


def test_an_answer_that_fails_leaves_nobody_waiting(store, monkeypatch):
    monkeypatch.setattr(exchange, "PATIENCE", 1e6)
    first, second = member(store, 0), member(store, 1)

    def fails(messages):
        raise RunError("no answer to this")

    found = at_once(lambda: first.together(0, b"a", fails), lambda: second.together(0, b"b", fails))
    assert found == ["no answer to this", "rank 0 reads no more"]
