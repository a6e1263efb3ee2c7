"""What AssemblyAI's version 3 messages hold, as our values: utterances, revised speakers, what a model answered.

Each function takes JSON that somebody else wrote, and leaves out what does not fit. Times are milliseconds of the
session's audio. What is returned can be published: plain JSON of a bounded size.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from edgetx.speech.events import Utterance, Word
from edgetx.speech.untrusted import EXCERPT, excerpt, number, text, whole

_SESSION_MS_MAX = 24 * 3_600_000  # A session lasts three hours at most; a time beyond a day is no time.
_WORDS_MAX = 1000
_REVISIONS_MAX = 100
_ANSWER_CHARACTERS = 16_384
_DEPTH_MAX = 16
_SHOWN = 80


def utterance(key: str, transcript: str, data: Mapping[str, Any]) -> Utterance:
    """Return a partial; its confidence is the mean of the words' (``end_of_turn_confidence`` is about the pause)."""
    words = tuple(_words(data.get("words")))
    confidences = [word.confidence for word in words if word.confidence is not None]
    return Utterance(
        key,
        transcript,
        final=False,
        start_ms=min((word.start_ms for word in words), default=None),
        end_ms=max((word.end_ms for word in words), default=None),
        words=words,
        speaker=_speaker(data.get("speaker_label")),
        language=text(data.get("language_code"), EXCERPT) or None,
        confidence=sum(confidences) / len(confidences) if confidences else None,
    )


def session_ms(value: object) -> float | None:
    """Return a time on a session's audio clock."""
    ms = number(value)
    return ms if ms is not None and 0 <= ms <= _SESSION_MS_MAX else None


def revisions(value: object) -> Iterator[dict[str, Any]]:
    """Yield ``turn`` (the key of its utterance), ``speaker`` and ``words`` of each turn whose speakers were revised.

    The text and the times of a turn stay as they were.
    """
    for revision in value[:_REVISIONS_MAX] if isinstance(value, list) else ():
        order = whole(revision.get("turn_order")) if isinstance(revision, dict) else None
        if order is not None:
            speaker = _speaker(revision.get("speaker_label"))
            words = revision.get("words")
            revised = [_revised(word) for word in _words(words[:_WORDS_MAX] if isinstance(words, list) else ())]
            yield {"turn": str(order), **({"speaker": speaker} if speaker else {}), "words": revised}


def answer(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a language model made of a turn: ``turn``, ``transcript``, ``data``.

    Of too large data there is an ``excerpt`` instead.
    """
    order, transcript = whole(data.get("turn_order")), text(data.get("transcript"), _ANSWER_CHARACTERS)
    told: dict[str, Any] = {} if order is None else {"turn": str(order)}
    plain = _plain(data.get("data"), _DEPTH_MAX)
    written = json.dumps(plain)
    if len(written) > _ANSWER_CHARACTERS:
        return told | {"transcript": transcript or "", "excerpt": written[:EXCERPT]}
    return told | {"transcript": transcript or "", "data": plain}


def ignored(asked: Mapping[str, Any], configuration: object) -> Iterator[tuple[str, str]]:
    """Yield (name, sentence) for each parameter that was asked for and that the provider says is something else.

    It takes unknown and misspelt parameters without a word. ``speech_model`` is ``model`` in its answer.
    """
    says = configuration if isinstance(configuration, dict) else {}
    for name, wanted in asked.items():
        told = "model" if name == "speech_model" and "model" in says else name
        if told in says and (used := _canonical(says[told])) != (asked_for := _canonical(wanted)):
            yield name, f"asked for {name}={asked_for[:_SHOWN]}, the provider uses {used[:_SHOWN]}"


def _revised(word: Word) -> dict[str, Any]:
    speaker = {"speaker": word.speaker} if word.speaker else {}
    return {"text": word.text[:EXCERPT], "start_ms": word.start_ms, "end_ms": word.end_ms, **speaker}


def _words(value: object) -> Iterator[Word]:
    """Yield the words that have a text and possible times; leave the others out."""
    for word in value if isinstance(value, list) else ():
        if isinstance(word, dict):
            spelt, start, end = text(word.get("text")), session_ms(word.get("start")), session_ms(word.get("end"))
            if spelt and start is not None and end is not None and start <= end:
                yield Word(spelt, start, end, number(word.get("confidence")), _speaker(word.get("speaker")))


def _speaker(value: object) -> str | None:
    name = text(value, EXCERPT)
    return None if name in ("", "UNKNOWN", "PENDING") else name


def _plain(value: object, depth: int) -> Any:
    """Return what of ``value`` can be said again; null for what cannot, and for what is nested too deep."""
    if isinstance(value, dict) and depth:
        return {text(name) or "": _plain(inner, depth - 1) for name, inner in value.items()}
    if isinstance(value, list) and depth:
        return [_plain(inner, depth - 1) for inner in value]
    return value if isinstance(value, bool) else text(value) if isinstance(value, str) else number(value)


def _canonical(value: object) -> str:
    """Return a value's one spelling: ``0.4``, ``0.40`` and ``"0.40"`` are the same, ``true`` and ``"True"`` too."""
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower()
    try:
        size = float(value) if isinstance(value, str) else number(value)
    except ValueError:
        size = None
    if size is not None:
        return f"{size:.12g}"
    return excerpt(value, len(value)) if isinstance(value, str) else json.dumps(_plain(value, _DEPTH_MAX))
