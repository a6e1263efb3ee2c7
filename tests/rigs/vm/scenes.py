"""The scenes in their order: each begins with the service running, but the first two."""

from collections.abc import Callable

from tests.rigs.vm import card_scenes, locked_scenes, reboot_scenes, start_scenes, trouble_scenes, upkeep_scenes
from tests.rigs.vm.stage import Stage

SCENES: dict[str, Callable[[Stage], None]] = {
    "install": start_scenes.installed,
    "start": start_scenes.started,
    "unplug": card_scenes.unplugged,
    "measure": upkeep_scenes.measured,
    "reload": trouble_scenes.reloaded_wrongly,
    "settings": trouble_scenes.started_wrongly,
    "freeze": trouble_scenes.frozen,
    "sandbox": locked_scenes.locked_down,
    "secret": locked_scenes.kept_secret,
    "reboot": reboot_scenes.rebooted,
    "mute": reboot_scenes.muted,
    "update": upkeep_scenes.updated_and_purged,
    "ten-minutes": upkeep_scenes.measured_later,
}
ALWAYS = ("install", "start")
ONLY_NAMED = ("ten-minutes",)
"""Too long for every run."""


def title(name: str) -> str:
    return (SCENES[name].__doc__ or "").partition("\n")[0]
