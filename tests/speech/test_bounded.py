import json

from hypothesis import given
from hypothesis import strategies as st

from edgetx.speech.bounded import bounded

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda part: st.lists(part) | st.dictionaries(st.text(), part) | st.tuples(part),
    max_leaves=30,
)


def test_what_is_small_stays_as_it_is():
    said = {"name": "FormUpdated", "value": {"pump": [1, 2.5, True, None, "off", {}]}}
    assert bounded(said) == said


def test_what_json_cannot_say_becomes_a_text_or_nothing():
    assert bounded([b"\xff\x00", float("nan"), 2**60, "\ud800", (1, 2), object]) == [
        "�\0",
        None,
        None,
        "?",
        [1, 2],
        None,
    ]


def test_depth_number_and_length_are_bounded():
    deep: list = []
    for _ in range(50):
        deep = [deep]
    assert bounded(deep) == [[[[[["…"]]]]]]
    assert len(bounded(list(range(10_000)))) == 200
    assert len(bounded({str(number): 0 for number in range(10_000)})) == 200
    assert len(bounded("x" * 10_000)) == 2000
    assert max(map(len, bounded({"x" * 10_000: 0}))) == 100
    assert len(json.dumps(bounded([[["x"] * 100] * 100] * 100))) < 10_000


def test_texts_and_names_are_cleaned_before_they_are_cut():
    said = {"k3y": ["x" * 1998 + "k3y", b"k3y", 3], "y" * 98 + "k3y": None}
    clean = {"***": ["x" * 1998 + "**", "***", 3], "y" * 98 + "**": None}
    assert bounded(said, lambda words: words.replace("k3y", "***")) == clean


@given(JSON)
def test_anything_can_be_published(value):
    text = json.dumps(bounded(value), allow_nan=False)
    text.encode()
    assert json.loads(text) == bounded(value)
