"""Free room is asked of the nearest folder that is there."""

import math
import shutil

from sdesim.io.disk import free_disk
from sdesim.io.memory import forced


def test_the_room_of_a_path_that_is_not_there_yet_is_that_of_its_folder(tmp_path):
    found = free_disk(tmp_path / "runs" / "a")

    assert 0 < found <= shutil.disk_usage(tmp_path).total


def test_nothing_is_asked_where_sizes_are_taken_as_they_are(tmp_path):
    with forced():
        assert math.isinf(free_disk(tmp_path))
