"""Files that travel with the package."""

from sdesim.shipped import scenario_index, shipped_folder, study


def test_the_index_names_a_file_of_every_shipped_scenario():
    index = scenario_index()

    assert "quickstart" in index
    for name, entry in index.items():
        assert shipped_folder("scenarios", entry["file"].rpartition("/")[0]).is_dir(), name
        assert (shipped_folder("scenarios") / entry["file"]).is_file(), name
        assert entry["description"], name


def test_a_study_is_imported_once():
    calibration = study("calibration")

    assert calibration.__name__ == "sdesim_calibration"
    assert study("calibration") is calibration
