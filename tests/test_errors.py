"""The errors that carry more than a text."""

from edgetx.errors import SettingsError


def test_wrong_settings_are_one_error_with_a_line_for_each_fault():
    error = SettingsError(["edgetx.yaml:1: one", "edgetx.yaml:2: two"])
    assert error.faults == ["edgetx.yaml:1: one", "edgetx.yaml:2: two"]
    assert str(error) == "edgetx.yaml:1: one\nedgetx.yaml:2: two"
