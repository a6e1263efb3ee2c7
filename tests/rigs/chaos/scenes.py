"""All scenarios."""

from tests.rigs.chaos import broker_scenes, clock_scenes, provider_scenes, state_scenes

ALL = (*provider_scenes.PLAYS, *broker_scenes.PLAYS, *state_scenes.PLAYS, *clock_scenes.PLAYS)
PLAYS = tuple(sorted(ALL, key=lambda play: play.chapter))
