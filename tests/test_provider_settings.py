"""What the settings of one provider must agree on, and where each fault stands."""

import pytest

from edgetx.config import Config, parse
from edgetx.errors import SettingsError

HEAD = "microphones: [{name: desk}]\nproviders:\n  it:\n"


def provider(lines: str) -> Config:
    """Return the settings of the provider ``it`` as its lines say."""
    text = HEAD + "".join(f"    {line}\n" for line in lines.splitlines())
    return parse(text, path="e.yaml", environment={}, host_name="pi", world_readable=False).providers["it"]


def faults(lines: str) -> list[str]:
    """Return what is said of wrong lines."""
    with pytest.raises(SettingsError) as raised:
        provider(lines)
    return raised.value.faults


def test_a_grammar_and_keyphrases_exclude_each_other():
    assert provider("type: local\nkeyphrases: [go]").keyphrases == ("go",)
    assert faults("type: local\nkeyphrases: [go]\ngrammar: a.gram") == [
        "e.yaml:6: providers.it.grammar: 'grammar' and 'keyphrases' exclude each other; keep one"
    ]


@pytest.mark.parametrize("url", ["url: ws://127.0.0.1:9", "url: ws://far\ninsecure: true", "url: wss://far"])
def test_an_address_that_keeps_the_sound_private_or_is_meant(url):
    assert provider("type: assemblyai\napi_key: k\n" + url).url


def test_an_unencrypted_address_far_away_is_a_fault():
    (fault,) = faults("type: assemblyai\napi_key: k\nurl: ws://far")
    assert fault.startswith("e.yaml:6: providers.it.url: ws:// would send key and sound unencrypted")
