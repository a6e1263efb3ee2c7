"""The errors that carry more than a text."""

from edgetx.errors import SettingsError, TryAgain


def test_wrong_settings_are_one_error_with_a_line_for_each_fault():
    error = SettingsError(["edgetx.yaml:1: one", "edgetx.yaml:2: two"])
    assert error.faults == ["edgetx.yaml:1: one", "edgetx.yaml:2: two"]
    assert str(error) == "edgetx.yaml:1: one\nedgetx.yaml:2: two"


def test_trouble_that_passes_says_how_soon_and_how_often_to_try():
    error = TryAgain("The line is full.", after_seconds=30, tries=2)
    assert (str(error), error.after_seconds, error.tries) == ("The line is full.", 30, 2)
