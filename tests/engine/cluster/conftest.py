"""One cluster and one run of a single process for all tests."""

import pytest

from tests.engine.cluster.clustered import local, walk


@pytest.fixture(scope="package")
def client():
    with local() as found:
        yield found


@pytest.fixture(scope="package")
def single():
    return walk(threads=1)
