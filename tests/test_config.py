"""The settings file as a whole: what it means, each fault that it can have, and the documented example."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from edgetx.config import (
    AlsaSettings,
    Board,
    Config,
    Direction,
    KeepSettings,
    MicrophoneSettings,
    MqttSettings,
    Secret,
    WavSettings,
    load,
    parse,
    without_secrets,
)
from edgetx.errors import SettingsError
from edgetx.listening import ArraySettings
from edgetx.provider_settings import AiolaSettings, AssemblyAISettings, AssemblyAIV2Settings, LocalSettings

FORMS = "{credential: ID}, {file: PATH} or {env: NAME}"
NO_ADDRESS = "is no address; it is mqtt://, mqtts://, ws:// or wss://, a host and perhaps ':port'"
AAI = "type: assemblyai, api_key: {credential: aai}"
DESK = "microphones: [{name: desk}]\n"
NO_LISTEN = (
    "listen: must be 'auto', 'mix', 'delay-and-sum', {channel: N}, where N counts from 0, or "
    "{azimuth_deg: A, width_deg: W}, where a speaker sits"
)
TOO_FAR = "the microphones 0 and 1 would be 60 m apart; it is 0.005 to 2 m, and positions are in metres"
NO_ARRAY = "needs several microphones; write 'array: auto' or the name of the board beside it"
NO_NAME = "is no name; it is 1 to 64 of the characters a-z, 0-9, '_' and '-'"


def settings(text: str, *, host_name: str = "kitchen", world_readable: bool = True) -> Config:
    environment = {"KEY": "s3cret"}
    return parse(text, path="edgetx.yaml", environment=environment, host_name=host_name, world_readable=world_readable)


def faults(text: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        settings(text)
    return [fault.removeprefix("edgetx.yaml:") for fault in caught.value.faults]


# --- what a file means -----------------------------------------------------------------------------------------


def test_the_smallest_useful_file() -> None:
    assert settings("microphones:\n  - name: desk\n") == Config(
        device="kitchen",
        microphones=(MicrophoneSettings("desk"),),
        mqtt=MqttSettings(url="mqtt://localhost:1883"),
        providers={"local": LocalSettings()},
    )


def test_a_file_with_everything() -> None:
    text = """
device: pi
mqtt:
  url: mqtts://broker.lan:8883
  username: edgetx
  password: {env: KEY}
  ca_file: ca.pem
  cert_file: /etc/cert.pem
  key_file: /etc/key.pem
  base_topic: home/edgetx
providers:
  aai: {type: assemblyai, api_key: {credential: aai}, keyterms: [Aiola], min_turn_silence: 0, extra: {a: 1}}
  words: {type: local, grammar: words.gram}
microphones:
  - name: desk
    source: {alsa: "hw:CARD=ArrayUAC10", sample_rate: 16000, channels: 6, format: S16_LE}
    listen: {channel: 5}
    provider: aai
    catch_up_seconds: 0
    keep: {memory_seconds: 10}
    level_seconds: 0.1
  - {name: talk, source: {wav: talk.wav, pace: fast, repeat: true}, listen: mix, provider: words}
"""
    assert settings(text) == Config(
        device="pi",
        mqtt=MqttSettings(
            url="mqtts://broker.lan:8883",
            username="edgetx",
            password=Secret("env", "KEY"),
            ca_file=Path("ca.pem"),
            cert_file=Path("/etc/cert.pem"),
            key_file=Path("/etc/key.pem"),
            base_topic="home/edgetx",
        ),
        providers={
            "aai": AssemblyAISettings(
                Secret("credential", "aai"), keyterms=("Aiola",), min_turn_silence=0, extra={"a": 1}
            ),
            "words": LocalSettings(grammar=Path("words.gram")),
        },
        microphones=(
            MicrophoneSettings(
                "desk",
                source=AlsaSettings("hw:CARD=ArrayUAC10", 16000, 6, "S16_LE"),
                listen=5,
                provider="aai",
                catch_up_seconds=0.0,
                keep=KeepSettings(10.0),
                level_seconds=0.1,
            ),
            MicrophoneSettings(
                "talk", source=WavSettings(Path("talk.wav"), "fast", repeat=True), listen="mix", provider="words"
            ),
        ),
    )


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("auto", "auto"),
        ("mix", "mix"),
        ("delay-and-sum", "delay-and-sum"),
        ("{channel: 3}", 3),
        ("{azimuth_deg: 90}", Direction(90.0, 60.0)),
        ("{width_deg: 20, azimuth_deg: 359.5}", Direction(359.5, 20.0)),
    ],
)
def test_ways_of_listening(said: str, meant: object) -> None:
    text = f"microphones: [{{name: desk, array: respeaker-usb-4mic, listen: {said}}}]"
    assert settings(text).microphones[0].listen == meant


def test_an_array_is_a_board_or_told_by_its_card_or_where_its_microphones_are() -> None:
    text = """
microphones:
  - {name: a, array: respeaker-4mic}
  - {name: b, array: auto, gate: close-when-silent, close_after_seconds: 5, max_session_minutes_per_day: 90}
  - {name: c, array: {positions_m: [[0, 0], [0, 0.05]], channels: [3, 1]}, source: {channels: 4}}
  - {name: d, array: ~, gate: off}
  - {name: e, array: ps3-eye, source: {wav: talk.wav}}
"""
    config = settings(text)
    named, auto, own, none, recorded = (each.array for each in config.microphones)
    assert isinstance(named, Board)
    assert (named.name, named.channels) == ("respeaker-4mic", 4)
    assert isinstance(own, Board)
    assert (own.positions_m, own.microphones, own.channels) == (((0.0, 0.0), (0.0, 0.05)), (3, 1), None)
    assert (auto, none) == ("auto", None)
    assert isinstance(recorded, Board)
    assert [each.gate for each in config.microphones] == ["off", "close-when-silent", "off", "off", "off"]
    assert [each.close_after_seconds for each in config.microphones] == [30, 5, 30, 30, 30]
    assert [each.max_session_minutes_per_day for each in config.microphones] == [0, 90, 0, 0, 0]
    assert [each["array"] for each in without_secrets(config)["microphones"]] == [
        "respeaker-4mic",
        "auto",
        {"positions_m": [[0.0, 0.0], [0.0, 0.05]], "channels": [3, 1]},
        None,
        "ps3-eye",
    ]


def test_boards_are_looked_for_only_where_a_microphone_names_one() -> None:
    asked: list[str] = []

    def chosen(word: str) -> ArraySettings:
        asked.append(word)
        raise SettingsError(["/etc/edgetx/boards/x.yaml:1: title: is missing", "/etc/edgetx/boards/x.yaml:2: no"])

    def parsed(text: str) -> Config:
        return parse(text, path="e", environment={}, host_name="a", world_readable=True, chosen=chosen)

    parsed("microphones: [{name: desk}, {name: b, array: {positions_m: [[0, 0], [0, 0.05]], channels: [3, 1]}}]")
    assert asked == []
    with pytest.raises(SettingsError) as caught:
        parsed("microphones: [{name: desk, array: x, gate: on}]")
    assert asked == ["x"]
    assert caught.value.faults == [
        "e:1: microphones[0].array: /etc/edgetx/boards/x.yaml:1: title: is missing; /etc/edgetx/boards/x.yaml:2: no",
        "e:1: microphones[0].gate: 'on' is not 'off', 'send-speech' or 'close-when-silent'",
    ]


def test_a_relative_path_is_relative_to_the_file() -> None:
    text = "microphones: [{name: talk, source: {wav: talk.wav}}]"
    config = parse(text, path="/etc/edgetx/e.yaml", environment={}, host_name="a", world_readable=True)
    assert config.microphones[0].source == WavSettings(Path("/etc/edgetx/talk.wav"))


def test_the_local_provider_may_be_set_and_is_left_out_when_nobody_uses_it() -> None:
    assert settings(DESK + "providers: {local: {type: local, keyphrases: [go]}}").providers == {
        "local": LocalSettings(keyphrases=("go",))
    }
    text = f"microphones: [{{name: desk, provider: aai}}]\nproviders: {{aai: {{{AAI}}}}}"
    assert list(settings(text).providers) == ["aai"]


@pytest.mark.parametrize(
    ("host_name", "device"),
    [("Kitchen.lan\n", "kitchen"), ("raspberry pi 4", "raspberry-pi-4"), ("küche", "k-che"), ("...", "edgetx")],
)
def test_the_device_is_named_after_its_host(host_name: str, device: str) -> None:
    assert settings(DESK, host_name=host_name).device == device


def test_a_plain_text_secret_in_a_file_that_others_cannot_read() -> None:
    text = DESK + "mqtt: {username: u, password: s3cret}"
    assert settings(text, world_readable=False).mqtt.password == Secret("text", "s3cret")


def test_plain_websocket_on_loopback_or_on_purpose() -> None:
    for more in ("url: 'ws://127.0.0.1:9'", "url: 'ws://far', insecure: true", "url: 'wss://far'"):
        assert settings(f"{DESK}providers: {{aai: {{{AAI}, {more}}}}}")


# --- what can be wrong -----------------------------------------------------------------------------------------


def test_every_fault_in_one_run_by_line() -> None:
    text = """
microphones:
  - name: desk
    source:
      sample_rate: fast
      chanels: 6
    provider: aia
  - name: desk
  - name: off
mqtt:
  url: mqqt://broker
  base_topic: /edgetx
  qos: 1
providers:
  aai: {type: assemblyia}
"""
    assert faults(text) == [
        "5: microphones[0].source.sample_rate: 'fast' is not a whole number",
        "6: microphones[0].source.chanels: unknown setting; did you mean 'channels'?",
        "7: microphones[0].provider: 'aia' is not under 'providers'; did you mean 'aai'?",
        "8: microphones[1].name: 'desk' is already the name on line 3; choose another",
        "9: microphones[2].name: 'off' is a truth value in YAML; to mean text, quote it",
        f"11: mqtt.url: 'mqqt://broker' {NO_ADDRESS}",
        "12: mqtt.base_topic: '/edgetx' has an empty level; take the extra '/' away",
        (
            "13: mqtt.qos: unknown setting; it may be 'url', 'username', 'password', 'ca_file', 'cert_file', "
            "'key_file' or 'base_topic'"
        ),
        (
            "15: providers.aai.type: 'assemblyia' is not 'local', 'assemblyai', 'assemblyai-v2' or 'aiola'; "
            "did you mean 'assemblyai'?"
        ),
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("device: Kitchen", f"device: 'Kitchen' {NO_NAME}"),
        ("mqtt: {password: {env: KEY}}", "mqtt.password: needs a 'username' beside it; add one"),
        (
            "mqtt: {url: 'mqtts://h', key_file: k}",
            "mqtt.key_file: 'cert_file' and 'key_file' come together; add the other one",
        ),
        (
            "mqtt: {ca_file: c}",
            "mqtt.ca_file: is for an encrypted connection; write mqtts:// or wss:// in 'url', or take it away",
        ),
        (
            "mqtt: {url: 'mqtt://me:s3cret@h'}",
            "mqtt.url: no user name or password may stand in the address; write it as 'username' and 'password'",
        ),
        (
            "mqtt: {username: me, password: s3cret}",
            (
                "mqtt.password: is a secret in a file that everyone on this machine can read; "
                f"run 'chmod 640 edgetx.yaml' (or 600), or keep it elsewhere and write {FORMS}"
            ),
        ),
        (
            "providers: {a: {type: local, grammar: g, keyphrases: [go]}}",
            "providers.a.grammar: 'grammar' and 'keyphrases' exclude each other; keep one",
        ),
        (
            "providers: {a: {type: assemblyai}}",
            "providers.a.api_key: is missing; write for example 'api_key: {credential: assemblyai_api_key}'",
        ),
        (
            f"providers: {{a: {{{AAI}, url: 'ws://far'}}}}",
            (
                "providers.a.url: ws:// would send key and sound unencrypted; write wss://, or add 'insecure: true' "
                "if you mean it"
            ),
        ),
        (
            f"providers: {{a: {{{AAI}, url: 'https://far'}}}}",
            "providers.a.url: 'https://far' is no address; it is ws:// or wss://, a host and perhaps ':port'",
        ),
        (
            f"providers: {{a: {{{AAI}, keyterms: [{'x' * 51}]}}}}",
            "providers.a.keyterms[0]: there are 51 characters; at most 50 are allowed",
        ),
        (
            f"providers: {{a: {{{AAI}, keyterms: [{', '.join(['x'] * 101)}]}}}}",
            "providers.a.keyterms: there are 101 terms; at most 100 are allowed",
        ),
        (
            f"providers: {{a: {{{AAI}, end_of_turn_confidence_threshold: 1.1}}}}",
            "providers.a.end_of_turn_confidence_threshold: 1.1 is out of range; it is from 0 to 1",
        ),
        (
            f"providers: {{a: {{{AAI}, max_turn_silence: -1}}}}",
            "providers.a.max_turn_silence: -1 is out of range; it is 0 or more",
        ),
        (
            f"providers: {{a: {{{AAI}, extra: {{token: x}}}}}}",
            "providers.a.extra: 'token' would be shown to everyone; write it as 'api_key'",
        ),
    ],
)
def test_one_wrong_setting(line: str, expected: str) -> None:
    assert faults(DESK + line) == [f"2: {expected}"]


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("source: {alsa: a, wav: b}", "source: 'alsa' and 'wav' exclude each other; keep one"),
        ("source: {wav: a, channels: 2}", "source.channels: does not go with 'wav'; it belongs to 'alsa'"),
        ("source: {sample_rate: 4000}", "source.sample_rate: 4000 is out of range; it is from 8000 to 96000"),
        ("source: {channels: 65}", "source.channels: 65 is out of range; it is from 1 to 64"),
        (
            "source: {format: S16LE}",
            "source.format: 'S16LE' is not 'S16_LE', 'S24_3LE' or 'S32_LE'; did you mean 'S16_LE'?",
        ),
        ("listen: 0", NO_LISTEN),
        ("listen: [mix]", NO_LISTEN),
        ("listen: {channel: a}", "listen.channel: 'a' is not a whole number"),
        ("listen: {channel: 64}", "listen.channel: 64 is out of range; it is from 0 to 63"),
        (
            "listen: {channel: 4}, array: respeaker-4mic",
            "listen: channel 4 is not there: the source has 4, counted from 0",
        ),
        ("listen: delay-and-sum", f"listen: {NO_ARRAY}"),
        ("listen: {azimuth_deg: 90}", f"listen: {NO_ARRAY}"),
        (
            "array: auto, listen: {azimuth_deg: 400}",
            "listen.azimuth_deg: 400.0 is out of range; it is from 0 to 360",
        ),
        (
            "array: auto, listen: {azimuth: 90, azimuth_deg: 90}",
            "listen.azimuth: unknown setting; did you mean 'azimuth_deg'?",
        ),
        (
            "array: auto, listen: {azimuth_deg: 90, channel: 1}",
            "listen: 'channel' and 'azimuth_deg' exclude each other; keep one",
        ),
        (
            "array: respeaker-linear4, listen: {azimuth_deg: 270}",
            "listen: the microphones stand in a line, which has no left and right; write the azimuth as 90, 0 to 180",
        ),
        ("array: respeaker-4mik", "array: 'respeaker-4mik' is no board; did you mean 'respeaker-4mic'?"),
        ("array: [0, 1]", "array: is a list; it must be text"),
        (
            "array: respeaker-6mic, source: {channels: 4}",
            "array: its microphone on channel 5 is not there: the source has 4, counted from 0",
        ),
        (
            "array: auto, source: {wav: talk.wav}",
            "array: a recording has no card to be recognised by; write the name of the board",
        ),
        (
            "array: {positions_m: [[0, 0], [0.1, 0]], channels: [0, 1, 2]}",
            "array.positions_m: there are 2 positions for 3 channels; each microphone has one of both",
        ),
        (
            "array: {positions_m: [[0, 0], [60, 0]], channels: [0, 1]}",
            f"array.positions_m: {TOO_FAR}",
        ),
        (
            "array: {positions_m: [[0, 0, 0], [0.1, 0]], channels: [0, 1]}",
            "array.positions_m[0]: has 3 numbers; a position is [x, y], in metres",
        ),
        (
            "array: {positions_m: [[0, 0], [0.1, 0]], channels: [1, 1]}",
            "array.channels: the channel 1 is named twice; it carries one thing",
        ),
        (
            "array: {positions_m: [[0, 0], [0.1, 0]], channels: [0, 3]}, source: {channels: 2}",
            "array: its microphone on channel 3 is not there: the source has 2, counted from 0",
        ),
        (
            "gate: speech",
            "gate: 'speech' is not 'off', 'send-speech' or 'close-when-silent'; did you mean 'send-speech'?",
        ),
        (
            "gate: close-when-silent, close_after_seconds: 0",
            "close_after_seconds: 0.0 is out of range; it is from 1 to 3600",
        ),
        (
            "max_session_minutes_per_day: -1",
            "max_session_minutes_per_day: -1.0 is out of range; it is 0 or more",
        ),
        (
            "listen: {channel: 2}, source: {channels: 2}",
            "listen: channel 2 is not there: the source has 2, counted from 0",
        ),
        ("provider: xyz", "provider: 'xyz' is not under 'providers'; there is 'local'"),
        ("catch_up_seconds: -1", "catch_up_seconds: -1.0 is out of range; it is 0 or more"),
        ("keep: {memory_seconds: 5}", "keep.memory_seconds: 5.0 is out of range; it is from 10 to 3600"),
        ("level_seconds: 0.01", "level_seconds: 0.01 is out of range; it is 0 (never) or at least 0.1"),
    ],
)
def test_one_wrong_setting_of_a_microphone(part: str, expected: str) -> None:
    assert faults(f"microphones: [{{name: desk, {part}}}]") == [f"1: microphones[0].{expected}"]


def test_no_microphone() -> None:
    assert faults("device: pi") == ["1: microphones: is missing; write for example 'microphones: [{name: desk}]'"]
    assert faults("microphones:") == ["1: microphones: there is none; add one: [{name: desk}]"]


def test_a_microphone_without_a_name() -> None:
    assert faults("microphones: [{}]") == ["1: microphones[0].name: is missing; write for example 'name: desk'"]


def test_two_microphones_of_one_name_on_one_line() -> None:
    assert faults("microphones: [{name: a}, {name: a}]") == [
        "1: microphones[1].name: 'a' is already the name on line 1; choose another"
    ]


def test_a_microphone_may_name_a_provider_that_has_a_fault_itself() -> None:
    assert faults("microphones: [{name: a, provider: b}]\nproviders: {b: {type: local, x: 1}}") == [
        "2: providers.b.x: unknown setting; it may be 'type', 'grammar' or 'keyphrases'"
    ]


def test_what_is_no_mapping_is_one_fault() -> None:
    assert faults("- a") == ["1: the settings are a list; they must be lines of 'name: value'"]


# --- the file itself -------------------------------------------------------------------------------------------


def unloadable(path: Path) -> str:
    with pytest.raises(SettingsError) as caught:
        load(path, {})
    (only,) = caught.value.faults
    return only


def test_a_file_is_loaded_with_the_name_of_this_host(tmp_path: Path) -> None:
    path = tmp_path / "e.yaml"
    path.write_text("\ufeff" + DESK)
    assert re.fullmatch("[a-z0-9_-]+", load(str(path), {}).device)


def test_whether_others_can_read_the_file_decides_about_plain_text(tmp_path: Path) -> None:
    path = tmp_path / "e.yaml"
    path.write_text(DESK + "mqtt: {username: u, password: s3cret}")
    path.chmod(0o644)
    assert f"run 'chmod 640 {path}'" in unloadable(path)
    path.chmod(0o640)
    assert load(path, {}).mqtt.password == Secret("text", "s3cret")


def test_files_that_cannot_be_loaded(tmp_path: Path) -> None:
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"device: k\xfcche")
    assert unloadable(latin) == f"{latin}: the file is not UTF-8 text; save it as UTF-8"
    assert unloadable(tmp_path / "no") == f"{tmp_path}/no: there is no such file; name the settings with --config FILE"
    assert unloadable(tmp_path) == f"{tmp_path}: is a directory; name the file in it"
    memory = Path("/proc/self/mem")  # Its first page cannot be read, not even by root.
    assert unloadable(memory) == f"{memory}: cannot be read (Input/output error); check who may read it: ls -l {memory}"
    assert unloadable(Path("/dev/zero")).startswith("/dev/zero:1: the file has 1,000,001 bytes")


# --- what may be shown -----------------------------------------------------------------------------------------


def test_settings_are_shown_without_secrets() -> None:
    text = f"""
mqtt: {{username: u, password: s3cret, url: "wss://h/mqtt?signature=s3cret"}}
providers: {{aai: {{{AAI}, extra: {{a: [1]}}}}, words: {{type: local, grammar: g}}}}
microphones: [{{name: desk, provider: aai}}]
"""
    shown = without_secrets(settings(text, world_readable=False))
    assert "s3cret" not in json.dumps(shown)
    assert shown["mqtt"]["password"] == "***"
    assert shown["mqtt"]["url"] == "wss://h/mqtt?***"
    assert shown["providers"]["aai"]["api_key"] == {"credential": "aai"}
    assert shown["providers"]["words"] == {"type": "local", "grammar": "g", "keyphrases": []}
    assert shown["microphones"][0]["name"] == "desk"


# --- whatever a file holds -------------------------------------------------------------------------------------

CLASSES: list[Any] = [
    Config,
    MqttSettings,
    LocalSettings,
    AssemblyAISettings,
    AssemblyAIV2Settings,
    AiolaSettings,
    AlsaSettings,
    WavSettings,
    KeepSettings,
    MicrophoneSettings,
]
NAMES = sorted({part.name for cls in CLASSES for part in dataclasses.fields(cls)} | {"channel", "credential", "file"})
NAMES += ["azimuth_deg", "width_deg", "positions_m"]
WORDS = st.sampled_from(["local", "assemblyai", "assemblyai-v2", "auto", "off", "desk", "~", "ws://h", "fast"])
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.dates() | st.text() | WORDS
TREES = st.recursive(
    VALUES,
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(), part, max_size=4),
    max_leaves=12,
)


def read_or_refused(text: str) -> None:
    try:
        assert isinstance(settings(text), Config)
    except SettingsError as error:
        assert all(fault.startswith("edgetx.yaml:") for fault in error.faults)  # noqa: PT017 - either end is right
        assert not any("\n" in fault for fault in error.faults)  # noqa: PT017


@given(st.text() | st.builds("{}: {}".format, st.sampled_from(NAMES), st.text()))
def test_any_text_is_read_or_refused(text: str) -> None:
    read_or_refused(text)


@hypothesis.settings(max_examples=25)
@given(st.dictionaries(st.sampled_from(["device", "mqtt", "providers", "microphones"]), TREES))
def test_any_tree_of_our_names_is_read_or_refused(tree: dict[str, Any]) -> None:
    read_or_refused(yaml.safe_dump(tree))


@pytest.mark.parametrize("name", ["request", "response"])
def test_no_microphone_has_the_name_of_another_topic(name):
    with pytest.raises(SettingsError) as caught:
        parse(
            f"microphones: [{{name: {name}}}]", path="edgetx.yaml", environment={}, host_name="pi", world_readable=False
        )
    (fault,) = caught.value.faults
    assert fault.endswith(f"{name!r} is the topic of {name}s; choose another name")
