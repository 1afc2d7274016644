"""One cluster and one run of a single process for all tests."""

import pytest

from tests.engine.cluster.clustered import local, walk
from tests.s3 import s3 as s3


@pytest.fixture(scope="package")
def client():
    with local() as found:
        yield found


@pytest.fixture(scope="package")
def single():
    return walk(threads=1)
