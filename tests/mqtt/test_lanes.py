from hypothesis import given
from hypothesis import strategies as st

from edgetx.mqtt.lanes import Lane, Lanes
from edgetx.mqtt.topics import Kind, Publication

FINALS = Lane(Kind.FINAL, "desk/final")
EVENTS = Lane(Kind.EVENT, "desk/event")
HALL = Lane(Kind.EVENT, "hall/event")


def publication(lane, payload=b""):
    return Publication(lane.topic, payload, qos=1, retain=False, durable=True, kind=lane.kind)


def lanes_of(*rows, limit=99, limit_bytes=99):
    lanes = Lanes(limit, limit_bytes)
    for number, lane in rows:
        lanes.append(lane, number, publication(lane))
    return lanes


def drain(lanes):
    return [lanes.pop(lane)[0] for lane in iter(lambda: lanes.first(()), None)]


def test_the_lane_with_the_lowest_number_comes_first_unless_it_is_closed():
    lanes = lanes_of((1, EVENTS), (2, FINALS), (3, EVENTS))
    assert lanes.first(()) == EVENTS
    assert lanes.first({EVENTS}) == FINALS
    assert lanes.first({EVENTS, FINALS}) is None
    assert drain(lanes) == [1, 2, 3]
    assert len(lanes) == 0
    assert FINALS not in lanes


def test_what_was_taken_goes_back_to_its_place():
    lanes = lanes_of((1, EVENTS), (2, EVENTS), (3, EVENTS), (4, EVENTS))
    taken = [lanes.pop(EVENTS) for _ in range(3)]
    for number, back in (taken[0], taken[2], taken[1]):
        lanes.put_back(EVENTS, number, back)
    assert drain(lanes) == [1, 2, 3, 4]


def test_the_oldest_event_makes_room_whichever_lane_it_is_in_and_then_the_oldest_final():
    lanes = lanes_of((1, FINALS), (2, HALL), (3, EVENTS), (4, FINALS), limit=0)
    assert [number for number, _ in iter(lanes.overflow, None)] == [2, 3, 1, 4]


def test_large_ones_make_room_too():
    lanes = lanes_of((1, FINALS), limit_bytes=10)
    lanes.append(FINALS, 2, publication(FINALS, b"123456"))
    lanes.append(FINALS, 3, publication(FINALS, b"7890"))
    assert lanes.overflow() is None
    lanes.append(EVENTS, 4, publication(EVENTS, b"!"))
    assert [number for number, _ in iter(lanes.overflow, None)] == [4]
    lanes.append(FINALS, 5, publication(FINALS, b"!"))
    assert [number for number, _ in iter(lanes.overflow, None)] == [1, 2]
    assert len(lanes) == 2


@given(st.lists(st.tuples(st.sampled_from(["put", "take", "back"]), st.integers(0, 9)), max_size=40))
def test_whatever_comes_and_goes_the_bounds_hold_and_the_order(steps):
    lanes, taken = Lanes(4, 20), []
    for number, (step, size) in enumerate(steps):
        if step == "put":
            lanes.append(FINALS, number, publication(FINALS, bytes(size)))
        elif step == "take" and FINALS in lanes:
            taken.append(lanes.pop(FINALS))
        elif step == "back" and taken:
            lanes.put_back(FINALS, *taken.pop(size % len(taken)))
        while lanes.overflow():
            pass
        held = [*lanes._lanes.get(FINALS, {}).items()]
        assert [key for key, _ in held] == sorted(key for key, _ in held)
        assert len(lanes) == len(held) <= 4
        assert lanes._bytes == sum(len(each.payload) for _, each in held) <= 20
