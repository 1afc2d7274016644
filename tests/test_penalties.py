"""The room of penalties."""

from sdesim import penalties
from sdesim.kinds import kinds_of


def test_every_kind_of_penalty_is_there_by_its_class():
    assert penalties.L2 is kinds_of("penalties")["l2"]
    for cls in kinds_of("penalties").values():
        assert issubclass(cls, penalties.Base)
        assert getattr(penalties, cls.__name__) is cls
        assert cls.__name__ in dir(penalties)
