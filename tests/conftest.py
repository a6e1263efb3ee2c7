"""Hypothesis' profile: enough examples for every day; HYPOTHESIS_PROFILE=thorough looks longer."""

import os

import hypothesis

hypothesis.settings.register_profile("quick", max_examples=20, deadline=None)
hypothesis.settings.register_profile("thorough", max_examples=2000, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
