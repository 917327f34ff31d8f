"""What no message may ever do, over some thousand sends at once; and each check, if it is broken, is found out.

The long form is `python bench/invariants.py`.
"""

from datetime import timedelta

import psycopg
import pytest

from bench.invariants import obey, run
from engine.calendar.opening import held_until
from engine.messages import record
from engine.messages.capacities import Given
from engine.messages.caps import find_cap
from engine.messages.decision import Terms
from engine.messages.reserve import Reserving
from engine.policy import Holidays


# Long for its kind, and on a busy machine longer: two thousand sends are some ten thousand transactions.
@pytest.mark.timeout(600)
def test_over_two_thousand_sends_nothing_is_broken_and_every_reason_occurs(module_database):
    figures = {each.figure: each for each in run(module_database, 2_000, 7)}
    assert all(figure.holds for figure in figures.values()), figures
    assert figures["messages that left"].value > 500
    seen = {name.split()[-1] for name in figures if name.startswith("messages skipped")}
    assert seen >= {
        "stopped", "goal_reached", "killed", "holdout", "global_holdout", "no_address", "no_test_recipient",
        "suppressed", "no_consent", "cap_reached",
    }  # fmt: skip


def _without(name, answer):
    """Reserve with one of its questions always answered alike."""
    return lambda monkeypatch: monkeypatch.setattr(Reserving, name, lambda *_, **__: answer)


def _controls_without(*, state):
    def break_(monkeypatch):
        whole = Reserving._pause if state == "paused" else Reserving._killed

        def broken(self):
            left = [control for control in self.known.controls if control["state"] != state]
            self.known = self.known._replace(controls=left)
            return whole(self)

        monkeypatch.setattr(Reserving, "_pause" if state == "paused" else "_killed", broken)

    return break_


def _journeys_never_paused(monkeypatch):
    whole = Reserving._pause

    def broken(self):
        self.subject["paused_at"] = None
        return whole(self)

    def handed_over(connection, message, attempt):
        marked = connection.execute(
            """update messages m set state = 'in_flight' from journeys j
                where m.id = %s and m.attempts = %s and j.id = m.journey_id
                  and (m.state = 'in_flight' or (m.state = 'reserved' and j.state = 'running'))""",
            (message, attempt),
        )
        return marked.rowcount == 1

    monkeypatch.setattr(Reserving, "_pause", broken)
    monkeypatch.setattr(record, "mark_in_flight", handed_over)  # the last look would find the pause, too


def _closed_times_without(**less):
    def break_(monkeypatch):
        def broken(self, at):
            policy = self.policy.model_copy(update=less)
            held = held_until(at, self._recipient(), self.purpose, policy, self._spread_key())
            return None if held is None else (held.reason, held.until)

        monkeypatch.setattr(Reserving, "_shut", broken)

    return break_


def _caps_count_too_few(monkeypatch):
    def broken(self, channel):
        others = [other for other in self.known.others if other.at < self.moment - timedelta(hours=12)]
        return find_cap(self.policy, self.purpose, channel, self.moment, others)

    monkeypatch.setattr(Reserving, "_cap", broken)


CUSTOMERS = 10
PAUSED_OR_KILLED = "playbook paused or killed"
# What the judge calls the violation, and how the check is broken. Those that are broken together hide nothing of each
# other: no other check stands between a message and what its own would have found.
BROKEN = (
    {
        "consent": _without("_consented", True),
        "quiet hours": _closed_times_without(quiet_hours=None),
        "cap": _caps_count_too_few,
        PAUSED_OR_KILLED: _controls_without(state="paused"),
    },
    {
        "suppression": _without("_suppressed", False),
        "weekday": _closed_times_without(weekdays=()),
        "capacity": _without("_places", Given(())),
        "goal": _without("_goal_reached", False),
        PAUSED_OR_KILLED: _controls_without(state="killed"),
    },
    {
        "holiday": _closed_times_without(holidays=Holidays()),
        "channel limit": _without("_token", None),
        "stop": _without("_stop", None),
        "test recipients": _without("_may_be_tested_on", True),
        PAUSED_OR_KILLED: lambda monkeypatch: monkeypatch.setattr(Terms, "status", "live"),
    },
    {
        "blackout": _closed_times_without(blackout=()),
        "holdout": _without("_holdout", None),
        "hold": _without("_hold", None),
        "journey paused": _journeys_never_paused,
    },
)


@pytest.fixture
def emptied(module_database):
    """The file's database without any row."""
    with psycopg.connect(module_database) as connection:
        connection.execute(
            "truncate shops, customers, rule_versions, playbook_controls, capacity_use, channel_limits cascade"
        )
    return module_database


@pytest.mark.timeout(600)
@pytest.mark.parametrize("checks", BROKEN, ids=" and ".join)
def test_each_check_that_is_broken_is_found_out_and_no_other(emptied, monkeypatch, checks):
    for break_ in checks.values():
        break_(monkeypatch)
    verdict, _ = obey(emptied, CUSTOMERS, 5)
    assert verdict.violations.keys() == checks.keys(), verdict
