"""Each row of the vendor's tables of close codes, with its words, and what is to be done about it."""

import pytest

from edgetx.speech.closing import verdict
from edgetx.speech.events import Verdict
from edgetx.speech.providers.assemblyai_codes import LEGACY_CLOSES, TOKEN_CLOSE, v3_closes

DURATION = "Input Duration Error: Input Duration Violation: 25.0 ms. Expected between 50 and 1000 ms"
RATE = "Audio Transmission Rate Exceeded: Received 9.0 sec. audio in 3.0 sec"
EXPIRED = "Session Expired: Maximum session duration exceeded"
DECODE = "User Input Validation Error: Failed to decode Opus packet: [Errno 1094995529] Invalid data found"

V3 = [
    (1000, "", Verdict.AGAIN),
    (1001, "", Verdict.AGAIN),
    (1006, "", Verdict.AGAIN),
    (1011, "", Verdict.AGAIN),
    (1012, "", Verdict.AGAIN),
    (1013, "", Verdict.AGAIN),
    (None, "", Verdict.AGAIN),
    (1008, "Unauthorized Connection: Missing Authorization header", Verdict.REFUSED),
    (1008, "Unauthorized connection: Incorrect padding", Verdict.FEW),
    (1008, "Too many concurrent sessions", Verdict.WAIT),
    (3009, "Too many concurrent sessions", Verdict.WAIT),
    (3009, "", Verdict.WAIT),
    (4102, "Too many concurrent sessions", Verdict.WAIT),
    (3005, "Too many concurrent sessions", Verdict.WAIT),
    (3005, "Session Cancelled: An error occurred", Verdict.AGAIN),
    (3005, "Invalid Message Type: Hello", Verdict.FAULT),
    (3005, "Invalid JSON", Verdict.FAULT),
    (3005, DECODE, Verdict.REFUSED),
    (3005, DURATION, Verdict.FEW),
    (3005, RATE, Verdict.SLOWER),
    (3005, EXPIRED, Verdict.AGAIN),
    (3006, "Invalid Message Type: Hello", Verdict.FAULT),
    (3006, "Invalid JSON", Verdict.FAULT),
    (3006, "Invalid Message", Verdict.FAULT),
    (3006, DECODE, Verdict.REFUSED),
    (3006, "", Verdict.FAULT),
    (3007, DURATION, Verdict.FEW),
    (3007, RATE, Verdict.SLOWER),
    (3007, "", Verdict.FEW),
    (3008, EXPIRED, Verdict.AGAIN),
    (3008, "", Verdict.AGAIN),
    (4999, "", Verdict.AGAIN),
]
LEGACY = [
    (1013, "Temporary server condition forced blocking client's request", Verdict.AGAIN),
    (4000, "Sample rate must be a positive integer", Verdict.FAULT),
    (4001, "Not Authorized", Verdict.REFUSED),
    (4002, "Insufficient Funds", Verdict.REFUSED),
    (4003, "This feature is paid-only and requires you to add a credit card", Verdict.REFUSED),
    (4004, "Session Not Found", Verdict.AGAIN),
    (4008, "Session Expired", Verdict.AGAIN),
    (4008, "", Verdict.AGAIN),
    (4010, "Session Previously Closed", Verdict.AGAIN),
    (4029, "Client sent audio too fast", Verdict.SLOWER),
    (4030, "Session is handled by another websocket", Verdict.AGAIN),
    (4031, "Session idle for too long", Verdict.AGAIN),
    (4032, "Audio duration is too short", Verdict.FEW),
    (4033, "Audio duration is too long", Verdict.FEW),
    (4034, "Audio too small to transcode", Verdict.FEW),
    (4100, "Endpoint received invalid JSON", Verdict.FAULT),
    (4101, "Endpoint received a message with an invalid schema", Verdict.FAULT),
    (4102, "This account has exceeded the number of allowed streams", Verdict.WAIT),
    (4103, "The session has been reconnected. This websocket is no longer valid.", Verdict.AGAIN),
    (4104, "Could not parse word boost parameter", Verdict.FAULT),
]


@pytest.mark.parametrize(("code", "words", "what"), [*V3, *LEGACY])
def test_a_close_of_version_3(code, words, what):
    assert verdict(v3_closes(tokens=False), code, words) is what


@pytest.mark.parametrize(("code", "words", "what"), LEGACY)
def test_a_close_of_version_2(code, words, what):
    assert verdict(LEGACY_CLOSES, code, words) is what


@pytest.mark.parametrize(
    ("code", "words"), [(1008, "Unauthorized Connection: Missing Authorization header"), (4001, "Not Authorized")]
)
def test_with_tokens_another_one_may_do(code, words):
    assert verdict(v3_closes(tokens=True), code, words) is Verdict.TOKEN
    assert verdict((TOKEN_CLOSE, *LEGACY_CLOSES), 4001, words) is Verdict.TOKEN


def test_with_tokens_the_rest_is_the_same():
    others = [row for row in V3 + LEGACY if row[2] is not Verdict.REFUSED or row[0] in {3005, 3006, 4002, 4003}]
    assert [verdict(v3_closes(tokens=True), code, words) for code, words, _ in others] == [row[2] for row in others]


def test_every_row_decides_something():
    table = v3_closes(tokens=False)
    deciding = {
        next((row for row in table if row.code in (None, code) and row.part in words.lower()), None)
        for code, words, _ in V3 + LEGACY
    }
    assert set(table) <= deciding
