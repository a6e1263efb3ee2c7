"""What AssemblyAI's close codes say about trying again: version 3's, and the older version 2's, which 3 still names.

The vendor's meaning of each stands beside it. In `LEGACY_CLOSES` 4001 is an answer to an API key, which no further
attempt mends: who connects with a temporary token puts `TOKEN_CLOSE` first.
"""

from edgetx.speech.closing import Row
from edgetx.speech.events import Verdict

TOKEN_CLOSE = Row(4001, "", Verdict.TOKEN)
"""Not authorised, with a temporary token: another token may do."""

LEGACY_CLOSES = (
    Row(1013, "", Verdict.AGAIN),  # A temporary condition of the server.
    Row(4000, "", Verdict.FAULT),  # The sample rate must be a positive whole number.
    Row(4001, "", Verdict.REFUSED),  # Not authorised.
    Row(4002, "", Verdict.REFUSED),  # Insufficient funds.
    Row(4003, "", Verdict.REFUSED),  # A feature of paid accounts.
    Row(4004, "", Verdict.AGAIN),  # No such session: the next attempt begins a new one, as it does in the next three.
    Row(4008, "", Verdict.AGAIN),  # The session expired.
    Row(4010, "", Verdict.AGAIN),  # The session was closed before.
    Row(4029, "", Verdict.SLOWER),  # Audio came too fast.
    Row(4030, "", Verdict.AGAIN),  # Another connection has the session.
    Row(4031, "", Verdict.AGAIN),  # Idle for too long.
    Row(4032, "", Verdict.FEW),  # Audio of one message too short,
    Row(4033, "", Verdict.FEW),  # too long,
    Row(4034, "", Verdict.FEW),  # or too small: ours is the fault, but only if it happens again and again.
    Row(4100, "", Verdict.FAULT),  # Not JSON.
    Row(4101, "", Verdict.FAULT),  # JSON of a wrong shape.
    Row(4102, "", Verdict.WAIT),  # More streams than the account may have.
    Row(4103, "", Verdict.AGAIN),  # The session went on over another connection.
    Row(4104, "", Verdict.FAULT),  # The list of words to boost could not be read.
)

_PASSING = tuple(Row(code, "", Verdict.AGAIN) for code in (1000, 1001, 1006, 1011, 1012))  # Networks, and restarts.

_INVALID = tuple(  # Messages that are none. Before 2026 they came under the code of any trouble of the server's.
    Row(3005, part, Verdict.FAULT) for part in ("invalid message", "invalid json")
)

_V3_CLOSES = (
    Row(None, "too many concurrent", Verdict.WAIT),  # The documents disagree on its code: 1008 or 3009.
    Row(3009, "", Verdict.WAIT),
    # The session keeps every message between 50 and 1000 ms, so this is a fault of ours or a whim of theirs. To give up
    # at the first would make a microphone deaf for a whim, to go on for ever would hide a fault: a few more tries.
    Row(None, "input duration violation", Verdict.FEW),
    # Sound is paced, but a stalled network lets it come in a rush, and the vendor does not say how much is too much.
    Row(None, "audio transmission rate exceeded", Verdict.SLOWER),
    Row(None, "session expired", Verdict.AGAIN),
    Row(3008, "", Verdict.AGAIN),
    Row(3007, "", Verdict.FEW),
    # The sound needs no decoding, so what was not valid is a parameter: the settings', which a person can mend.
    Row(None, "user input validation", Verdict.REFUSED),
    *_INVALID,
    Row(3006, "", Verdict.FAULT),
    Row(3005, "", Verdict.AGAIN),  # The server's own trouble.
    *_PASSING,
    *LEGACY_CLOSES,
)


def v3_closes(*, tokens: bool) -> tuple[Row, ...]:
    """Return the table of version 3; ``tokens``: each connection comes with a temporary token of its own."""
    return (
        Row(1008, "too many concurrent", Verdict.WAIT),
        Row(1008, "incorrect padding", Verdict.FEW),  # Seen now and then with good keys; the next attempt works.
        Row(1008, "", Verdict.TOKEN if tokens else Verdict.REFUSED),  # A wrong key, or no money left.
        *((TOKEN_CLOSE,) if tokens else ()),
        *_V3_CLOSES,
    )
