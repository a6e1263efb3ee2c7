"""Walks a provider's way to a connection with the answers that a test gives."""

from edgetx.speech.session import HttpAnswer, HttpRequest, Opening, Request


def walk(opening: Opening, *answers: HttpAnswer) -> tuple[list[HttpRequest], Request]:
    """Return what was asked, in order, and the request that came of it."""
    asked: list[HttpRequest] = []
    waiting = iter(answers)
    try:
        question = next(opening)
        while True:
            asked.append(question)
            question = opening.send(next(waiting))
    except StopIteration as end:
        return asked, end.value


def request_of(opening: Opening) -> Request:
    """Return the request to which ``opening`` leads without a question."""
    asked, request = walk(opening)
    assert not asked
    return request
