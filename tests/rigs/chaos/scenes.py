"""All scenarios."""

from tests.rigs.chaos import broker_scenes, clock_scenes, gate_scenes, provider_scenes, refusal_scenes, state_scenes

SCENES = (provider_scenes, refusal_scenes, broker_scenes, state_scenes, clock_scenes, gate_scenes)
ALL = (play for scenes in SCENES for play in scenes.PLAYS)
PLAYS = tuple(sorted(ALL, key=lambda play: play.chapter))
