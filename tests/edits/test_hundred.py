"""A hundred journeys under way at five places, under each of pin, migrate and drain: where each ends.

The table in docs/edits.md is what this prints.
"""

from collections import Counter
from datetime import timedelta

import pytest

from tests.docs.pages import ROOT
from tests.edits.editing import apply, became, carried_out, edited, editing, skip_waits
from tests.workflows.rules import make_rules
from tests.workflows.running import until
from tests.workflows.shop import ZENOBIA, now

pytestmark = pytest.mark.timeout(300)  # a hundred journeys, to their ends

EACH = 20
BEFORE = """
steps:
  - wait: {id: pause, for: 20h}
  - send: {id: first, title: First reminder, channel: email, template: reminder}
  - wait: {id: patience, for: 20h}
  - wait_for: {id: inquiry, event: case.opened, within: 20h}
    got: [{task: {id: reply, team: support}}]
  - parallel:
      by-mail: [{wait: {id: a-day, for: 20h}}, {send: {id: second, channel: email, template: reminder}}]
      by-phone: [{wait: {id: an-hour, for: 20h}}, {task: {id: call, team: sales}}]
    id: both
  - wait: {id: last-look, for: 20h}
  - end: {outcome: by-the-old-version}
"""
AFTER = """
steps:
  - wait: {id: pause, for: 40h}
  - send: {id: first, title: First reminder, channel: email, template: reminder}
  - wait: {id: patience, for: 2h}
  - send: {id: new, title: A new reminder, channel: email, template: reminder}
  - parallel:
      by-mail: [{wait: {id: a-day, for: 2h}}, {send: {id: second, channel: email, template: reminder}}]
      by-phone: [{wait: {id: an-hour, for: 2h}}, {task: {id: call, team: sales}}]
    id: both
  - wait: {id: last-look, for: 1h}
  - end: {outcome: by-the-new-version}
"""
MOVES = "{inquiry: both}"
PLACES = ("pause", "patience", "inquiry", "both", "last-look")


async def at_their_places(running):
    """Twenty journeys wait at each of the places; gives the due of each."""
    shop = running.shop
    for number in range(EACH * len(PLACES)):
        begun = now() - timedelta(hours=0 if number < EACH else 21)
        person = {**ZENOBIA, "email": f"c{number}@example.net"}
        shop.place(f"N-{number}", f"c{number}", at=begun, person=person)
    await until(lambda: not shop.open_rows(), "the starts", 120)
    names = [row["workflow_id"] for row in shop.rows("select workflow_id from journeys order by id")]
    for place in range(2, len(PLACES)):
        await skip_waits(running, names[EACH * place :])
    # The branches have a wait each.
    await skip_waits(running, names[EACH * 4 :])
    found = {}
    for number, name in enumerate(names[EACH:], EACH):
        handle = running.client.get_workflow_handle(name)
        await until(lambda h=handle, n=number: stands(h, PLACES[n // EACH]), f"{name} at its place", 60)
        found[name] = (await handle.query("where"))["due"]
    return names, found


async def stands(handle, step):
    return (await handle.query("where")).get("step") == step


async def to_the_end(running):
    """Every wait that is left is ended early, until all journeys are over."""
    for _ in range(10):
        if not running.shop.rows("select from journeys where state = 'running'"):
            return
        await skip_waits(running)
    raise AssertionError("some journeys do not end")


async def ended(running, names):
    """By place: what became of its journeys, how they ended and what each was sent, with how many."""
    shop, rows = running.shop, {}
    settled = became(shop) or [("pinned", None, None)] * len(names)
    sent = Counter(row["journey_id"] for row in shop.rows("select journey_id from messages where state = 'sent'"))
    journeys = shop.rows("select id, outcome from journeys order by id")
    for number, journey in enumerate(journeys):
        place = PLACES[number // EACH]
        kind = (settled[number][0], settled[number][2], journey["outcome"], sent[journey["id"]])
        rows.setdefault(place, Counter())[kind] += 1
    return rows


WHERE = {
    "pin": dict.fromkeys(PLACES, ("pinned", None, "by-the-old-version", 2)),
    "migrate": {
        "pause": ("migrated", "pause", "by-the-new-version", 3),
        "patience": ("migrated", "patience", "by-the-new-version", 3),
        "inquiry": ("migrated", "both", "by-the-new-version", 2),
        "both": ("migrated", "both", "by-the-new-version", 2),
        "last-look": ("migrated", "last-look", "by-the-new-version", 2),
    },
    "drain": {
        "pause": ("drained", "end", "drained", 0),
        "patience": ("drained", "end", "drained", 1),
        "inquiry": ("drained", "end", "drained", 1),
        "both": ("drained", "end", "drained", 1),
        "last-look": ("drained", "end", "drained", 2),
    },
}


@pytest.mark.parametrize("policy", WHERE)
async def test_a_hundred_journeys_end_where_the_policy_says(open_shop, namespace, mailbox, policy):
    shop = open_shop(make_rules(BEFORE))
    after = edited(policy, AFTER, moves=MOVES if policy == "migrate" else "")
    async with editing(shop, namespace, mailbox) as running:
        names, dues = await at_their_places(running)
        await apply(running, after)
        await carried_out(running, 120)
        if policy != "drain":
            for name, due in dues.items():
                handle = running.client.get_workflow_handle(name)
                assert (await handle.query("where"))["due"] == due
        await to_the_end(running)
        found = await ended(running, names)
    assert {place: dict(kinds) for place, kinds in found.items()} == {
        place: {kind: EACH} for place, kind in WHERE[policy].items()
    }
    assert not shop.rows("select from messages where state <> 'sent'")
    if policy != "pin":
        assert shop.rows("select count(*) from journeys where version = %s", after.version)


def row(policy: str, place: str) -> str:
    """A row of the page's table."""
    state, to, outcome, sent = WHERE[policy][place]
    where = f"`{to}`" if state == "migrated" else {"pinned": "stay", "drained": "end"}[state]
    return f"| `{policy}` | `{place}` | {EACH} | {where} | `{outcome}` | {sent} |"


def test_the_page_has_the_table_of_the_hundred_journeys():
    page = (ROOT / "docs/edits.md").read_text()
    assert [row(policy, place) for policy in WHERE for place in PLACES if row(policy, place) not in page] == []
