"""Assumed responses: how they are drawn, what they do in a customer's world, and what is refused in their file."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from engine.language.issues import Report
from engine.language.located import plain
from engine.language.reader import read
from engine.language.responses import Responses, read_responses
from engine.language.rules import Rules, load_rules
from engine.simulation.backtest import Window, backtest
from engine.simulation.compiled import Compiled
from engine.simulation.journey import Assumed
from engine.simulation.responses import Drawn, count_assumed
from engine.simulation.world import World
from tests.projects import write_project
from tests.simulation.people import START, TO, compiled, customer, day, live, messages
from tests.simulation.test_backtest import regulars
from tests.workflows.fixtures import open_shop
from tests.workflows.rules import POLICY, make_rules
from tests.workflows.shop import ZENOBIA, Shop

__all__ = ["open_shop"]

ROOT = Path(__file__).parents[2]
SEGMENTS = """
segments:
  germans: {title: Germans, when: {country: DE}}
  french: {title: French, when: {country: FR}}
"""
ATTRIBUTES = """
attributes:
  country: {title: Country, type: string, value: customer.country}
  paid: {title: Paid orders, type: integer, count: orders, where: {paid_at: {known: true}}}
"""
ASKS = """
playbook: asks
title: Asks
for: customer
start: {every: month, day: 3, at: "10:00"}
stop: {event: order.paid}
goal: {event: order.paid, within: 10d}
controls: {purpose: service}
steps:
  - send: {id: ask, channel: email, template: hello}
  - wait_for: {event: message.opened, within: 2d}
    got:
      - send: {id: opened, channel: email, template: hello}
    else:
      - send: {id: unread, channel: email, template: hello}
  - wait: 20d
"""
REMINDER = """
steps:
  - wait: 1d
  - send: {id: first, channel: email, template: hello}
"""


def rules() -> Rules:
    """A playbook that asks everybody once, and a reminder of each order."""
    return make_rules(
        REMINDER,
        policy=POLICY,
        attributes=ATTRIBUTES,
        more={"segments.yaml": SEGMENTS, "playbooks/asks.yaml": ASKS},
    )


def responses(text: str, own: Rules | None = None) -> Responses:
    """The file's contents, which are sound."""
    found, issues = read_responses(text, "responses.yaml", own or rules())
    assert issues == ()
    assert found is not None
    return found


def lived(own: Rules | Compiled, model: Responses, *keys: str, **columns: Any) -> list[World]:
    """The worlds of these customers."""
    all_of = compiled(own, model.parts) if isinstance(own, Rules) else own
    return [live(all_of, customer(key, **columns), Assumed(holdout=None, drawn=Drawn(model))) for key in keys]


def counted(worlds: list[World]) -> dict[tuple[str, str, str], int]:
    total: dict[tuple[str, str, str], int] = {}
    for world in worlds:
        for what, many in count_assumed(world.assumed.drawn, world.journeys, TO).items():
            total[what] = total.get(what, 0) + many
    return total


KEYS = [f"c{number}" for number in range(1000)]


def test_the_shares_that_are_drawn_are_near_those_that_are_given_and_the_same_in_every_run() -> None:
    own = make_rules(REMINDER, more={"playbooks/asks.yaml": ASKS.split("  - wait_for", maxsplit=1)[0]})
    model = responses("seed: 7\nshares: [{open: 30%, click: 0.1, order: 5%}]", own)
    found = counted(lived(own, model, *KEYS))
    drawn = {what: many for (_, step, what), many in found.items() if step == "ask"}
    assert drawn == {"opened": 295, "clicked": 97, "ordered": 54}
    other = responses("seed: 8\nshares: [{open: 30%, click: 0.1, order: 5%}]", own)
    assert counted(lived(own, other, *KEYS[:100])) != counted(lived(own, model, *KEYS[:100]))


def test_a_response_comes_within_its_time_and_a_click_after_the_opening() -> None:
    own = rules()
    model = responses("within: {open: 2h, click: 10m, order: 3d}\nshares: [{open: 100%, click: 100%, order: 1}]", own)
    for world in lived(own, model, *KEYS[:50]):
        sent = world.messages[0]
        opened, clicked = (sent.responses[kind] for kind in ("opened", "clicked"))
        at = int(sent.at.timestamp()) * 1_000_000
        assert at < opened <= at + 2 * 3600 * 1_000_000
        assert opened < clicked <= opened + 600 * 1_000_000
        assert world.assumed.drawn is not None
        ordered = next(each.at for each in world.assumed.drawn.responses if each.what == "ordered")
        assert at < ordered <= at + 3 * 86400 * 1_000_000


def test_what_another_playbook_does_moves_no_draw() -> None:
    own = rules()
    model = responses("seed: 3\nshares: [{open: 50%}]", own)
    orders = [{"placed": 0.1}, {"placed": 0.2}]

    def opened(*names: str) -> list[int | None]:
        worlds = lived(Compiled(own, names, "EUR"), model, *KEYS[:50], orders=orders)
        asked = [each for world in worlds for each in world.messages if each.step == "ask"]
        return [each.responses.get("opened") for each in asked]

    assert len(opened("asks")) == 50
    assert opened("payment-reminder", "asks") == opened("asks")


def test_the_first_share_that_fits_the_playbook_the_channel_and_the_customer_counts() -> None:
    own = rules()
    model = responses(
        """
shares:
  - {playbook: asks, segment: [germans], channel: email, open: 100%}
  - {playbook: asks, open: 0%}
""",
        own,
    )
    german, french = lived(own, model, "c1")[0], lived(own, model, "c1", country="FR")[0]
    assert [each[1] for each in messages(german)] == ["ask", "opened"]
    assert [each[1] for each in messages(french)] == ["ask", "unread"]


def test_a_journey_that_waits_for_the_opening_gets_it_at_its_instant() -> None:
    own = rules()
    (world,) = lived(own, responses("shares: [{open: 100%}]", own), "c1")
    first, second = world.messages
    assert second.step == "opened"
    assert int(second.at.timestamp() * 1_000_000) == first.responses["opened"]


def test_an_assumed_order_stops_and_reaches_the_goal_and_is_counted_apart() -> None:
    own = rules()
    model = responses("shares: [{playbook: asks, order: 100%}]", own)
    (world,) = lived(own, model, "c1")
    (journey,) = world.journeys
    assert journey.ended is not None
    assert (journey.ended.state, journey.ended.outcome) == ("stopped", "order.paid")
    found = counted([world])
    assert (found["asks", "", "goal"], found["asks", "", "stopped"]) == (1, 1)
    assert world.history.value("paid", TO) == found["asks", "ask", "ordered"] + found.get(
        ("asks", "unread", "ordered"), 0
    )
    # Nothing is known of the order but that it was placed and paid: no journey of an order begins.
    assert {each.plan.playbook for each in world.journeys} == {"asks"}


def test_a_goal_that_is_reached_anyway_is_not_assumed() -> None:
    own = rules()
    model = responses("within: {order: 1d}\nshares: [{playbook: asks, order: 100%}]", own)
    (world,) = lived(own, model, "c1", orders=[{"placed": 2, "paid": 5}])
    asked = [each for each in world.journeys if each.plan.playbook == "asks"]
    assert [each.ended.state for each in asked if each.ended] == ["stopped"]
    found = counted([world])
    assert ("asks", "", "goal") not in found
    assert found["asks", "", "stopped"] == 1


@pytest.mark.parametrize(
    ("text", "place", "code", "told"),
    [
        ("shares:\n  - {open: 120%}", (2, 12), "RG209", "a share from 0% to 100%"),
        ("shares:\n  - {open: 1.2}", (2, 12), "RG209", "a share from 0% to 100%"),
        ("shares:\n  - {open: 12}", (2, 12), "RG209", "did you mean 12%?"),
        ("shares:\n  - {order: -5%}", (2, 13), "RG209", "a share from 0% to 100%"),
        ("shares:\n  - {order: -0.05}", (2, 13), "RG209", "a share from 0% to 100%"),
        ("shares:\n  - {open: many}", (2, 12), "RG203", "a share such as 12% or 0.12"),
        ("shares:\n  - {open: 10%, click: 20%}", (2, 24), "RG209", "whoever clicks has opened"),
        ("shares:\n  - {segment: german, open: 1%}", (2, 15), "RG316", "did you mean germans?"),
        ("shares:\n  - {segment: [germans, frensh]}", (2, 25), "RG316", "did you mean french?"),
        ("shares:\n  - {playbook: ask, open: 1%}", (2, 16), "RG322", "did you mean asks?"),
        ("shares:\n  - {stage: lost, open: 1%}", (2, 13), "RG317", "a stage"),
        ("shares:\n  - {channel: mail, open: 1%}", (2, 15), "RG305", "did you mean email?"),
        ("shares:\n  - {opens: 1%}", (2, 6), "RG201", "did you mean open?"),
        ("shares: []", (1, 9), "RG211", "at least one entry"),
        ("seed: 7", (1, 1), "RG202", "the key shares"),
        ("within: {open: 24}\nshares: [{open: 1%}]", (1, 16), "RG205", "write the unit too"),
    ],
)
def test_what_is_wrong_is_said_at_its_place(text: str, place: tuple[int, int], code: str, told: str) -> None:
    found, issues = read_responses(text, "responses.yaml", rules())
    assert found is None
    (issue,) = issues
    assert ((issue.line, issue.column), issue.code) == (place, code)
    assert told in f"{issue.expected}; {issue.hint}"


def test_the_example_and_that_of_the_docs_are_sound_for_the_shipped_rules_and_valid_by_the_schema() -> None:
    example = (ROOT / "examples" / "sample-shop" / "responses.yaml").read_text()
    page = (ROOT / "docs" / "simulation.md").read_text()
    shown = next(block for block in re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL) if "shares:" in block)
    schema = json.loads((ROOT / "schemas" / "rules" / "responses.schema.json").read_text())
    for text in (example, shown):
        assert responses(text, load_rules(ROOT / "rules")).parts == {"segment high-value-active", "stage"}
        data = json.loads(json.dumps(plain(read(text, Report("x"))), default=float))  # type: ignore[arg-type]  # it is sound
        jsonschema.validate(data, schema)


@pytest.mark.parametrize("text", ["shares: [{open: 120%}, {opens: 5%}]", "shares: [{open: 1.5}]", "seed: 7"])
def test_a_file_with_mistakes_is_not_valid_by_the_schema(text: str) -> None:
    schema = json.loads((ROOT / "schemas" / "rules" / "responses.schema.json").read_text())
    data = json.loads(json.dumps(plain(read(text, Report("x"))), default=float))  # type: ignore[arg-type]  # it is YAML
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, schema)


# --- over a shop's facts ----------------------------------------------------------------------------------------------

FILE = "seed: 7\nwithin: {order: 2d}\nshares: [{segment: germans, open: 60%, click: 20%, order: 30%}]\n"


@pytest.fixture
def shop(open_shop, tmp_path: Path) -> Shop:
    """Forty people who have ordered once."""
    own = rules()
    shop = open_shop(own)
    write_project(tmp_path, own.files)
    for number in range(40):
        shop.place(f"N-{number}", f"c{number}", at=day(0.5), person={**ZENOBIA, "email": f"c{number}@example.net"})
    shop.execute("delete from outbox")
    shop.execute("delete from journeys")
    return shop


def test_one_process_and_two_draw_the_same(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.simulation.backtest.CHUNK", 10)
    own = rules()
    window = Window(shop.url, own, tuple(own.plans), START, TO, "EUR", responses=responses(FILE, own))
    one = backtest(window, processes=1)
    assert backtest(window, processes=2) == one
    assert {what for _, _, what in one.assumed} == {"opened", "clicked", "ordered", "goal", "stopped"}
    assert backtest(Window(shop.url, own, tuple(own.plans), START, TO, "EUR"), processes=1).assumed == {}


def test_the_command_tells_what_was_assumed(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "responses.yaml").write_text(FILE)
    output = tmp_path / "result"
    window = ("--from", "2026-03-02", "--to", "2026-03-20")
    file = ("--responses", str(tmp_path / "responses.yaml"))
    done = regulars(shop, tmp_path, *window, *file, "--output", str(output))
    assert done.returncode == 0, done.stderr
    assert "opened, clicked and ordered, with assumed responses" in done.stdout
    assert "assumed: 60 % open, 20 % click, 30 % order because of it (segment germans; seed 7)" in done.stdout
    told = json.loads((output / "summary.json").read_text())
    assert any("seed 7" in line for line in told["assumptions"])
    rows = list(csv.DictReader((output / "assumed.csv").open()))
    asked = next(row for row in rows if row["step"] == "ask")
    assert int(asked["sent"]) >= int(asked["opened"]) > int(asked["clicked"]) > 0
    goals = list(csv.DictReader((output / "goals.csv").open()))
    assert [row["reached by assumed orders alone"] for row in goals] == [row["reached"] for row in goals] != ["0"]


def test_the_command_refuses_a_file_with_mistakes_and_one_that_is_not_there(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "responses.yaml"
    window = ("--from", "2026-03-02", "--to", "2026-03-20")
    missing = regulars(shop, tmp_path, *window, "--responses", str(file))
    file.write_text("shares:\n  - {open: 120%}\n")
    wrong = regulars(shop, tmp_path, *window, "--responses", str(file))
    assert (missing.returncode, wrong.returncode) == (1, 1)
    assert "No such file" in missing.stderr
    assert f"{file}:2:12" in wrong.stderr
    assert "Traceback" not in missing.stderr + wrong.stderr
