"""Settings of all tests."""

from hypothesis import settings

# Time never decides a test: a first call may compile, and machines are busy.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
