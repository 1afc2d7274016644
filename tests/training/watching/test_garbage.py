"""Full collections are timed, and others are not."""

import gc
import time

from sdesim.training.watching.garbage import Collections


def test_full_collections_alone_are_timed():
    collections = Collections()
    assert collections.seconds == 0.0

    gc.collect(0)
    assert collections.seconds == 0.0
    began = time.perf_counter()
    gc.collect()
    assert 0.0 < collections.seconds <= time.perf_counter() - began
    gc.callbacks.remove(collections._told)
