"""The minutes of a day: counted over all sessions, and the day is UTC's."""

from datetime import UTC, datetime
from math import inf

from edgetx.clock import Moment
from edgetx.speech.budget import NOTE_SECONDS, Budget, Spent, next_day

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp()
TODAY, TOMORROW = "2026-11-21", "2026-11-22"


def at(seconds: float, *, wall: float | None = None, synced: bool = True) -> Moment:
    return Moment(NOON + seconds if wall is None else wall, synced, seconds, seconds, "boot")


def after(spent: Spent, *, now: Moment | None = None, elapsed_seconds: float = 0.0) -> Budget:
    """A budget of ten minutes, of which an earlier run had used some."""
    budget = Budget(600)
    budget.carry_on(spent, now=now or at(0), elapsed_seconds=elapsed_seconds)
    return budget


def test_that_a_higher_bound_is_used_up_is_told_again():
    spent = Spent(TODAY, 600.0, told=True)
    assert not after(spent).is_news(at(0))
    higher = Budget(1200)
    higher.carry_on(spent, now=at(0), elapsed_seconds=0.0)
    higher.begin(at(0))
    assert not higher.is_news(at(599))
    assert higher.is_news(at(600))


def test_what_is_open_counts_and_two_at_once_count_twice():
    budget = Budget(600)
    budget.begin(at(0))
    assert budget.left(at(100)) == budget.lasts(at(100)) == 500
    budget.begin(at(100))
    assert budget.left(at(200)) == 300
    assert budget.lasts(at(200)) == 150
    budget.end(at(200))
    budget.end(at(250))
    assert budget.spent(at(5000)) == Spent(TODAY, 350)
    assert budget.left(at(9000)) == budget.lasts(at(9000)) == 250


def test_it_is_news_once_a_day_that_it_is_used_up():
    budget = Budget(60)
    budget.begin(at(0))
    assert not budget.is_news(at(59))
    assert budget.is_news(at(61))
    assert not budget.is_news(at(62))
    assert budget.spent(at(62)).told
    assert budget.left(at(62)) == 0
    assert not budget.is_news(at(43_201))
    assert budget.is_news(at(43_270))


def test_at_midnight_a_session_goes_on_and_only_what_comes_then_counts():
    budget = Budget(600)
    budget.begin(at(43_100))
    assert budget.spent(at(43_190)) == Spent(TODAY, 90, 1)
    assert budget.spent(at(43_230)) == Spent(TOMORROW, 30, 1)
    assert budget.spent(at(43_240)) == Spent(TOMORROW, 40, 1)


def test_what_an_earlier_run_used_is_used_and_is_no_news():
    assert after(Spent(TODAY, 590)).left(at(9)) == 10
    used_up = after(Spent(TODAY, 600, told=True))
    assert used_up.left(at(0)) == 0
    assert not used_up.is_news(at(0))
    assert after(Spent("2026-11-20", 600, told=True)).spent(at(0)) == Spent(TODAY, 0)
    assert after(Spent("2026-11-20", 600)).left(at(0)) == 600


def test_what_a_killed_run_had_open_counts_until_now_or_until_it_would_have_been_noted_again():
    assert after(Spent(TODAY, 500, 2), elapsed_seconds=20).spent(at(9)) == Spent(TODAY, 540)
    assert after(Spent(TODAY, 400), elapsed_seconds=inf).spent(at(9)) == Spent(TODAY, 400)
    assert after(Spent(TODAY, 400, 1), elapsed_seconds=inf).spent(at(9)) == Spent(TODAY, 400 + 2 * NOTE_SECONDS)
    assert after(Spent(TODAY, 400, 1), elapsed_seconds=-9).spent(at(9)) == Spent(TODAY, 400 + 2 * NOTE_SECONDS)


def test_that_it_is_used_up_is_news_after_a_run_that_did_not_tell_it_or_had_no_bound():
    used_up = after(Spent(TODAY, 590, 1), elapsed_seconds=20)
    assert used_up.left(at(0)) == 0
    assert used_up.is_news(at(0))
    assert used_up.spent(at(0)) == Spent(TODAY, 610, told=True)


def test_a_run_that_was_killed_after_midnight_has_used_of_the_new_day_what_came_then():
    budget = after(Spent(TODAY, 500, 1), now=at(43_215), elapsed_seconds=50)
    assert budget.spent(at(43_215)) == Spent(TOMORROW, 15)


def test_it_is_to_be_noted_when_a_session_begins_and_when_it_ends():
    noted = []
    budget = Budget(600, lambda: noted.append(budget.spent(at(9))))
    budget.begin(at(0))
    budget.end(at(9))
    assert noted == [Spent(TODAY, 9, 1), Spent(TODAY, 9)]


def test_without_a_bound_it_is_counted_all_the_same():
    budget = Budget()
    budget.begin(at(0))
    assert not budget.is_bounded
    assert Budget(600).is_bounded
    assert budget.left(at(10)) == inf
    assert budget.spent(at(10)) == Spent(TODAY, 10, 1)
    assert not budget.is_news(at(10))


def test_a_clock_that_is_not_synchronised_gives_no_budget_by_going_back():
    budget = after(Spent(TODAY, 600))
    assert budget.left(at(0, wall=0.0, synced=False)) == 0
    assert budget.left(at(1, wall=NOON + 86_400, synced=False)) == 600
    assert budget.spent(at(2)) == Spent(TODAY, 0)


def test_the_next_day_begins_at_midnight_utc():
    assert next_day(at(0)) == datetime(2026, 11, 22, tzinfo=UTC)
    assert next_day(at(43_200)) == datetime(2026, 11, 23, tzinfo=UTC)
