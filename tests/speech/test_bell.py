import asyncio
import threading

from edgetx.speech.bell import Bell
from tests.rigs.story import story, until


@story
async def test_a_ring_in_another_thread_is_answered_on_the_loop():
    answered: list[threading.Thread] = []
    with Bell(asyncio.get_running_loop(), lambda: answered.append(threading.current_thread())) as bell:
        ringer = threading.Thread(target=bell.ring)
        ringer.start()
        await until(lambda: answered)
        ringer.join()
    assert answered == [threading.main_thread()]


@story
async def test_the_answer_may_change():
    answered: list[str] = []
    with Bell(asyncio.get_running_loop(), lambda: answered.append("first")) as bell:
        bell.answer = lambda: answered.append("second")
        bell.ring()
        bell.ring()
        await until(lambda: answered)
    assert answered == ["second"]


@story
async def test_after_its_end_a_bell_is_silent():
    bell = Bell(asyncio.get_running_loop(), lambda: None)
    bell.ring()
    with bell:
        pass
    bell.ring()
    assert bell._descriptor == -1
