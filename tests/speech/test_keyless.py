import pytest

from edgetx.errors import Refused
from edgetx.provider_settings import AssemblyAISettings
from edgetx.secret import Secret
from edgetx.speech.keyless import Keyless
from edgetx.speech.providers.assemblyai import AssemblyAI


def test_it_is_its_provider_but_for_the_opening_which_says_what_is_missing():
    provider = AssemblyAI("aai", AssemblyAISettings(Secret("credential", "key")), "")
    keyless = Keyless(provider, "The credential 'key' is empty.")
    assert keyless.name == "aai"
    assert keyless.limits == provider.limits
    assert type(keyless.session()) is type(provider.session())
    with pytest.raises(Refused, match=r"^The credential 'key' is empty\.$"):
        next(keyless.opening())
