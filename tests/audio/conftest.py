import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.rigs.microphones import FifoMicrophone, PulseMicrophone, fifo_microphone, pulse_microphone
from tests.rigs.sound_tree import SoundTree


@contextmanager
def environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


@pytest.fixture
def tree(tmp_path) -> SoundTree:
    return SoundTree(tmp_path / "tree")


@pytest.fixture
def fifo(tmp_path) -> Iterator[FifoMicrophone]:
    with fifo_microphone(tmp_path) as microphone, environment(microphone.environment):
        yield microphone


@pytest.fixture
def pulse(tmp_path) -> Iterator[PulseMicrophone]:
    with ExitStack() as stack:
        microphone = stack.enter_context(pulse_microphone(tmp_path))
        stack.enter_context(environment(microphone.environment))
        yield microphone
