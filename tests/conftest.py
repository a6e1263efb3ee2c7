"""Hypothesis' profile: enough examples for every day; HYPOTHESIS_PROFILE=thorough looks longer.

And the official clients that a test needs: fetched before its time runs.
"""

import os

import hypothesis
import pytest

from tests.rigs.oracle_venv import python_with

hypothesis.settings.register_profile("quick", max_examples=20, deadline=None)
hypothesis.settings.register_profile("thorough", max_examples=2000, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Install what ``@pytest.mark.oracle("name==version", ...)`` says."""
    for mark in item.iter_markers("oracle"):
        for requirement in mark.args:
            python_with(requirement)
