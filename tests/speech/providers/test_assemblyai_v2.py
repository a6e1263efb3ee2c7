import base64
import json
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetx.config import Secret
from edgetx.errors import Refused
from edgetx.provider_settings import AssemblyAIV2Settings
from edgetx.speech.events import Closed, Notice, Opened, Progress, Received, Utterance, Verdict, Word
from edgetx.speech.providers.assemblyai_codes import LEGACY_CLOSES
from edgetx.speech.providers.assemblyai_v2 import AssemblyAIV2
from edgetx.speech.session import HttpAnswer
from tests.rigs.anything import ANYTHING
from tests.rigs.opening import request_of, walk

MS = 32  # bytes
BEGINS = '{"message_type":"SessionBegins","session_id":"f14499a6","expires_at":"2023-11-04T16:51:38.500000"}'
DEPRECATED = '{"error":"Model deprecated. See docs for new model information: https://www.assemblyai.com/docs"}'


def provider(**settings):
    return AssemblyAIV2("old", AssemblyAIV2Settings(api_key=Secret("text", "k3y"), **settings), "k3y")


def session(**settings):
    return provider(**settings).session()


def begun(**settings):
    talk = session(**settings)
    talk.receive(BEGINS)
    talk.events()
    return talk


def query(url):
    return parse_qsl(urlsplit(url).query)


def transcript(kind, text, start=0, end=1000, **more):
    times = {"audio_start": start, "audio_end": end}
    return json.dumps({"message_type": f"{kind}Transcript", "text": text, "words": [], **times, **more})


def partial(text, *times, **more):
    return transcript("Partial", text, *times, **more)


def final(text, *times, **more):
    return transcript("Final", text, *times, **more)


def received(talk, *messages):
    for message in messages:
        talk.receive(message)
    return talk.events()


def closed(talk, code=None, reason=""):
    talk.connection_closed(code, reason)
    (event,) = [event for event in talk.events() if isinstance(event, Closed)]
    return event


# --- the way to a connection


def test_the_smallest_settings_ask_for_16_khz_pcm_and_session_information_with_the_key_in_a_header():
    request = request_of(provider().opening())
    assert request.url.startswith("wss://api.assemblyai.com/v2/realtime/ws?")
    assert query(request.url) == [
        ("sample_rate", "16000"),
        ("encoding", "pcm_s16le"),
        ("enable_extra_session_information", "True"),
    ]
    assert request.headers == {"Authorization": "k3y"}
    assert not request.renewable


def test_all_settings_are_written_as_the_official_client_writes_them():
    request = request_of(
        provider(
            sample_rate=8000,
            encoding="pcm_mulaw",
            word_boost=("aws", "google cloud"),
            disable_partial_transcripts=True,
            end_utterance_silence_threshold=300,
        ).opening()
    )
    assert urlsplit(request.url).query == (
        "sample_rate=8000&word_boost=%5B%22aws%22%2C+%22google+cloud%22%5D&encoding=pcm_mulaw"
        "&disable_partial_transcripts=True&enable_extra_session_information=True"
    )


def test_another_address_keeps_its_own_query():
    url = request_of(provider(url="ws://127.0.0.1:8000/ws?tenant=a", enable_extra_session_information=False).opening())
    assert url.url == "ws://127.0.0.1:8000/ws?tenant=a&sample_rate=16000&encoding=pcm_s16le"


def test_a_token_is_asked_for_with_the_key_and_goes_into_the_query_instead_of_it():
    (question,), request = walk(
        provider(tokens=True, token_seconds=90).opening(), HttpAnswer(200, b'{"token": "b2 e3&c6"}')
    )
    assert (question.method, question.url) == ("POST", "https://api.assemblyai.com/v2/realtime/token")
    assert question.headers == {"Authorization": "k3y", "Content-Type": "application/json"}
    assert json.loads(question.body) == {"expires_in": 90}
    assert request.headers == {}
    assert query(request.url)[1:3] == [("encoding", "pcm_s16le"), ("token", "b2 e3&c6")]
    assert request.renewable
    assert not any(secret in f"{question} {request}" for secret in ("k3y", "b2"))


def test_tokens_are_beside_the_address_over_http():
    opening = provider(tokens=True, url="ws://127.0.0.1:8000/v2/realtime/ws").opening()
    assert next(opening).url == "http://127.0.0.1:8000/v2/realtime/token"


def test_a_no_instead_of_a_token_is_raised_without_the_key():
    with pytest.raises(Refused, match=r"HTTP status 401: \*\*\* is paid-only\.$"):
        walk(provider(tokens=True).opening(), HttpAnswer(401, b'{"error": "k3y is paid-only"}'))


def test_no_secret_shows():
    assert "k3y" not in f"{provider()} {provider()!r} {request_of(provider().opening())!r} {session(tokens=True)!r}"


def test_the_limits_are_the_vendors():
    limits = provider().limits
    assert (limits.chunk_ms.min, limits.chunk_ms.best, limits.chunk_ms.max) == (100, 100, 2000)
    assert limits.silent_seconds == 3.0


def test_without_partials_what_nobody_spoke_about_yet_is_not_taken_for_silence():
    assert provider(disable_partial_transcripts=True).limits.silent_seconds is None


# --- audio


def test_audio_goes_out_as_it_is():
    talk = session()
    talk.send_audio(b"ab" * 1600)
    assert talk.to_send() == [b"ab" * 1600]


@pytest.mark.parametrize(("encoding", "silence", "size"), [("pcm_s16le", b"\0", 3200), ("pcm_mulaw", b"\xff", 1600)])
def test_a_short_rest_is_filled_up_with_silence_before_the_end_is_asked_for(encoding, silence, size):
    talk = session(encoding=encoding)
    talk.send_audio(bytes(10 * MS))
    talk.finish()
    talk.finish()
    assert talk.to_send() == [silence * size, '{"terminate_session": true}']


def test_without_audio_only_the_end_is_asked_for():
    talk = session()
    talk.finish()
    assert talk.to_send() == ['{"terminate_session": true}']


def test_the_old_framing_is_base64_in_json():
    talk = session(audio_framing="base64")
    talk.send_audio(b"ab" * 1600)
    talk.send_audio(b"cd")
    talk.finish()
    first, last, end = map(json.loads, talk.to_send())
    assert base64.b64decode(first["audio_data"]) == b"ab" * 1600
    assert base64.b64decode(last["audio_data"]) == b"cd" + bytes(3198)
    assert end == {"terminate_session": True}


@given(st.lists(st.integers(0, 5000).map(lambda ms: bytes(ms * MS)), max_size=6), st.sampled_from([8000, 16000]))
def test_whatever_lengths_are_given_every_message_holds_100_to_2000_ms_and_nothing_is_lost(pieces, rate):
    talk = session(sample_rate=rate, encoding="pcm_mulaw")
    for piece in pieces:
        talk.send_audio(piece)
    talk.finish()
    *audio, _ = talk.to_send()
    lengths = [len(message) * 1000 / rate for message in audio]
    assert all(100 <= ms <= 2000 for ms in lengths)
    given_ms = sum(map(len, pieces)) / MS
    assert given_ms <= sum(lengths) <= given_ms + 100


# --- commands


def test_commands_go_out_while_a_session_is_open():
    talk = session()
    talk.force_end_utterance()
    assert talk.to_send() == []
    talk.receive(BEGINS)
    talk.force_end_utterance()
    talk.set_end_utterance_silence_threshold(300)
    assert talk.to_send() == ['{"force_end_utterance": true}', '{"end_utterance_silence_threshold": 300}']
    talk.finish()
    talk.force_end_utterance()
    assert talk.to_send() == ['{"terminate_session": true}']


@pytest.mark.parametrize("milliseconds", [0, 20000])
def test_the_silence_that_ends_an_utterance_is_sent_when_the_session_begins(milliseconds):
    talk = begun(end_utterance_silence_threshold=milliseconds)
    assert talk.to_send() == [f'{{"end_utterance_silence_threshold": {milliseconds}}}']


def test_a_threshold_that_is_set_too_early_is_sent_when_the_session_begins():
    talk = session()
    talk.set_end_utterance_silence_threshold(500)
    talk.receive(BEGINS)
    assert talk.to_send() == ['{"end_utterance_silence_threshold": 500}']


def test_nothing_keeps_a_session_open_but_audio():
    talk = begun()
    talk.keep_alive()
    assert talk.to_send() == []


# --- what comes in


def test_the_session_begins_once_and_its_end_is_utc():
    opened, notice = received(session(), BEGINS, BEGINS)
    assert opened == Opened("f14499a6", 1699116698.5)
    assert notice.data["trouble"] == "SessionBegins is not understood"


@pytest.mark.parametrize(
    ("said", "expires_at"),
    [("1970-01-01T01:00:01+01:00", 1.0), ("1970-01-01T00:00:01Z", 1.0), ("soon", None), (7, None), (None, None)],
)
def test_an_end_in_other_words(said, expires_at):
    begins = json.dumps({"message_type": "SessionBegins", "expires_at": said})
    (opened,) = received(session(), begins)
    assert opened.expires_at == expires_at


def test_partials_carry_the_number_of_their_final():
    events = received(begun(), partial("a"), partial("a b"), final("A b."), partial("c"), final("C."))
    assert [(event.key, event.text, event.final) for event in events] == [
        ("0", "a", False),
        ("0", "a b", False),
        ("0", "A b.", True),
        ("1", "c", False),
        ("1", "C.", True),
    ]


def test_an_utterance_has_the_vendors_times_and_its_words_have_theirs():
    words = [{"start": 7140, "end": 7175, "confidence": 0.46, "text": "How"}, {"start": 9, "end": 8, "text": "no"}]
    (event,) = received(begun(), final("How", 5310, 25580, confidence=0.85, words=words, punctuated=True))
    assert event == Utterance(
        "0", "How", True, 5310, 25580, (Word("How", 7140, 7175, confidence=0.46),), confidence=0.85
    )


@pytest.mark.parametrize("times", [(None, 5), (5, "x"), (9, 8), (-1, 5), (1, 10**12)])
def test_without_usable_times_those_of_the_words_stand(times):
    words = [{"start": 100, "end": 200, "text": "a"}, {"start": 300, "end": 400, "text": "b"}]
    with_words, without = received(begun(), final("a b", *times, words=words), final("a b", *times))
    assert (with_words.start_ms, with_words.end_ms) == (100, 400)
    assert (without.start_ms, without.end_ms) == (None, None)


def test_an_empty_final_says_that_there_was_nothing_to_hear_and_ends_its_utterance():
    events = received(begun(), partial("a"), final(" ", 0, 700), final("", 0, "x"), partial("b"))
    assert [event.key for event in events if isinstance(event, Utterance)] == ["0", "2"]
    assert [event for event in events if not isinstance(event, Utterance)] == [Progress(700)]


def test_an_empty_partial_says_how_much_was_received():
    assert received(begun(), partial("", 0, 700), partial("", 700, None), partial("a")) == [
        Received(700, listened=True),
        Utterance("0", "a", final=False, start_ms=0, end_ms=1000),
    ]


def test_session_information_is_told():
    said = '{"message_type":"SessionInformation","audio_duration_seconds":232.192}'
    assert received(begun(), said) == [Notice("provider", {"audio_duration_seconds": 232.192})]
    (notice,) = received(begun(), '{"message_type":"SessionInformation"}')
    assert notice.data["trouble"] == "SessionInformation is not understood"


# --- the end


def test_the_session_ends_as_agreed_and_says_so_once():
    talk = begun()
    talk.finish()
    assert received(talk, '{"message_type":"SessionTerminated"}', final("late")) == [
        Closed("The session was terminated.", clean=True)
    ]
    talk.connection_closed(1000, "")
    assert talk.events() == []


def test_a_termination_that_nobody_asked_for_is_not_clean():
    said = '{"error":"Insufficient Funds"}', '{"message_type":"SessionTerminated"}'
    assert received(begun(), *said)[-1] == Closed("Insufficient Funds")


def test_close_1000_without_termination_is_not_clean():
    talk = begun()
    talk.finish()
    assert closed(talk, 1000) == Closed("The provider ended the session without a word.", code=1000)


def test_an_error_is_told_at_once_and_again_with_the_close():
    talk = begun()
    error = '{"error":"Client sent audio too fast"}'
    assert received(talk, error, error) == [Notice("provider", {"error": "Client sent audio too fast"})]
    assert closed(talk, 4029, "Bye") == Closed("Client sent audio too fast (Bye)", verdict=Verdict.SLOWER, code=4029)


def test_a_key_that_the_provider_repeats_is_not_passed_on():
    talk = session()
    shown = received(talk, '{"error":"Wrong: k3y"}', final("say k3y"), b"k3y", "k3y")
    talk.connection_closed(4001, "Not Authorized: k3y")
    shown += talk.events()
    assert len(shown) == 5
    assert "k3y" not in str(shown)
    assert shown[-1].reason == "Wrong: *** (Not Authorized: ***)"


def test_an_error_without_a_word():
    (notice,) = received(begun(), '{"error":[1]}')
    assert notice.data == {"error": "The provider reported an error without a word."}


def test_a_deprecated_model_ends_the_session_at_once_and_names_the_successor():
    for talk in (session(), begun(tokens=True)):
        (event,) = received(talk, DEPRECATED)
        assert (event.verdict, event.clean) == (Verdict.REFUSED, False)
        assert event.reason.startswith("AssemblyAI serves this protocol no longer: write 'type: assemblyai' instead")
        assert "Model deprecated. See docs" in event.reason
        talk.connection_closed(1000, "")
        assert talk.events() == []


def test_a_deprecated_model_may_also_be_told_by_the_close_alone():
    event = closed(session(), 4101, "Model deprecated")
    assert event.verdict is Verdict.REFUSED
    assert "write 'type: assemblyai'" in event.reason


@pytest.mark.parametrize("row", LEGACY_CLOSES, ids=lambda row: str(row.code))
def test_what_each_close_means(row):
    assert closed(begun(), row.code, "In words") == Closed("In words", verdict=row.verdict, code=row.code)


def test_a_token_that_is_not_taken_is_renewed():
    assert closed(session(tokens=True), 4001, "Not Authorized").verdict is Verdict.TOKEN
    assert closed(session(tokens=True), 4002, "Insufficient Funds").verdict is Verdict.REFUSED


# --- whatever comes

BAD = [
    "{}",
    '{"message_type":"FinalTranscript"}',
    '{"message_type":"PartialTranscript","text":7}',
    '{"message_type":"Weather"}',
    '{"message_type":["SessionBegins"]}',
]


@pytest.mark.parametrize("message", BAD)
def test_a_bad_message_is_noticed_once_and_the_session_goes_on(message):
    notice, utterance = received(begun(), message, message, final("a"))
    assert notice.name == "provider"
    assert len(notice.data["excerpt"]) <= 200
    assert utterance.text == "a"


KINDS = ["SessionBegins", "PartialTranscript", "FinalTranscript", "SessionInformation", "SessionTerminated"]
known = st.fixed_dictionaries(
    {"message_type": st.sampled_from(KINDS) | ANYTHING},
    optional={
        "text": st.text() | ANYTHING,
        "audio_start": st.integers(0, 9) | ANYTHING,
        "audio_end": st.integers(0, 9) | ANYTHING,
        "words": st.lists(st.fixed_dictionaries({"text": ANYTHING, "start": ANYTHING, "end": ANYTHING})) | ANYTHING,
        "expires_at": ANYTHING,
        "session_id": ANYTHING,
        "audio_duration_seconds": ANYTHING,
        "error": ANYTHING,
    },
)
messages = st.text() | st.binary() | ANYTHING.map(json.dumps) | known.map(json.dumps)


@given(st.lists(messages, max_size=8))
def test_nothing_that_is_received_raises_and_no_utterance_is_final_twice(stream):
    talk = session(end_utterance_silence_threshold=300)
    events = received(talk, *stream)
    assert len(events) <= len(stream)
    assert len(talk.to_send()) <= 1
    talk.connection_closed(1006, "gone")
    events += talk.events()
    finals = [event.key for event in events if isinstance(event, Utterance) and event.final]
    assert len(finals) == len(set(finals))
    assert [type(event) for event in events].count(Closed) == 1
