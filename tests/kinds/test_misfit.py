"""Values that do not fit are told with the place of each."""

import pickle

from sdesim.kinds.misfit import Misfit, path_text


def test_a_path_is_written_as_in_a_file():
    assert path_text(("arms", "sde", "noise", 1, "alpha")) == "arms.sde.noise[1].alpha"
    assert path_text((0, "alpha")) == "[0].alpha"
    assert path_text(()) == ""


def test_each_problem_is_a_line_with_its_place():
    several = Misfit([(("a", 1), "missing"), ((), "nothing fits")])

    assert Misfit("dim", "found 0").problems == [(("dim",), "found 0")]
    assert str(Misfit(("a", 1), "missing")) == "a[1]: missing"
    assert str(several) == "a[1]: missing\nnothing fits"
    assert pickle.loads(pickle.dumps(several)).problems == several.problems
