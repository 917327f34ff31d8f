"""Journeys and campaigns whose histories are saved: every kind of step, and every way to be disturbed or to end."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from activities.context import wall_clock
from activities.providers.mailbox import Mailbox
from activities.providers.provider import Provider
from activities.providers.smtp import Smtp
from activities.providers.smtp_settings import SmtpSettings
from engine.calendar.business import WEEKDAYS
from engine.campaigns.wire import workflow_id
from engine.dispatch.dispatcher import Dispatcher
from engine.journeys import wire
from engine.language.rules import Rules
from engine.own import OwnActivity
from engine.servers.ports import free_port
from tests.activities.providers.http_servers import Says, Service, serving
from tests.activities.providers.servers import agree_until, odd_server, say
from tests.edits.editing import apply, carried_out, edited, editing, plan
from tests.own import LOYALTY
from tests.own.loyalty import loyalty_points
from tests.workflows.campaigning import NAME, act, campaign_rules, campaigning, far, over, people, wave
from tests.workflows.rules import (
    HEAD,
    POLICY,
    REMIND_AT_ONCE,
    TEMPLATES,
    WAIT_AND_REMIND,
    impatient,
    make_rules,
    smtp_policy,
)
from tests.workflows.running import Running, engine, status, until
from tests.workflows.shop import Shop, now

TWICE = """
steps:
  - send: {id: first, title: First reminder, channel: email, template: reminder}
  - wait: {id: patience, for: 1s}
  - send: {id: second, title: Second reminder, channel: email, template: reminder}
"""
WAITING = """
steps:
  - wait_for: {id: answer, event: case.opened, where: {type: inquiry}, within: WITHIN}
    got: [{task: {id: reply, team: support, due: 4h}}]
    else: [{send: {id: ask, channel: email, template: reminder}}]
  - end: {outcome: asked}
"""
BRANCHES = """
steps:
  - if: {order.total: {gte: 100 EUR}}
    then: [{task: {id: call, team: sales}}]
    else: [{send: {id: first, channel: email, template: reminder}}]
  - if: {step: first, sent: true}
    then: [{wait: 1s}]
  - if: {all: [{step: first, sent: true}, {order.total: {lt: 100 EUR}}]}
    then: [end]
  - send: {id: last, channel: [sms, email], template: reminder}
"""
DEAR = {"amount": "100.00", "currency": "EUR"}


@dataclass(frozen=True)
class Stage:
    """Where a scene is played: `open_shop` and `run` give the engine for rules and a provider."""

    make_shop: Callable[[Rules], Shop]
    namespace: str
    mailbox: Path

    @asynccontextmanager
    async def run(
        self,
        rules: Rules,
        provider: Provider | None = None,
        *,
        now: Callable[[], datetime] = wall_clock,
        dispatching: bool = True,
        own: Mapping[str, OwnActivity] | None = None,
    ) -> AsyncIterator[Running]:
        shop = self.make_shop(rules)
        async with engine(
            shop, self.namespace, provider or Mailbox(self.mailbox), now=now, dispatching=dispatching, own=own
        ) as running:
            yield running


Scene = Callable[[Stage], Awaitable[Running]]
SCENES: dict[str, Scene] = {}


def scene(play: Scene) -> Scene:
    """Registers a scene under its function's name."""
    SCENES[play.__name__.replace("_", "-")] = play
    return play


async def stands_at(running: Running, step: str) -> bool:
    handle = running.handle()
    return await status(running.client, handle.id) is not None and (await handle.query("where")).get("step") == step


def quiet() -> str:
    start, end = (f"{at:%H:%M}" for at in (now() - timedelta(hours=1), now() + timedelta(hours=1)))
    return POLICY + f'  quiet_hours: {{start: "{start}", end: "{end}"}}\n'


def smtp(port: int, timeout: float = 1.0) -> Smtp:
    return Smtp(SmtpSettings("127.0.0.1", port, starttls="never", timeout=timeout))


@scene
async def one_send(stage: Stage) -> Running:
    async with stage.run(make_rules(REMIND_AT_ONCE)) as running:
        running.shop.place()
        await running.finished()
    return running


@scene
async def wait_then_send(stage: Stage) -> Running:
    async with stage.run(make_rules(WAIT_AND_REMIND)) as running:
        running.shop.place()
        await running.finished()
    return running


@scene
async def two_sends_and_a_wait(stage: Stage) -> Running:
    async with stage.run(make_rules(TWICE)) as running:
        running.shop.place()
        await running.finished()
    return running


@scene
async def wait_since_the_start(stage: Stage) -> Running:
    async with stage.run(make_rules(TWICE.replace("for: 1s", "for: 2s, since: start"))) as running:
        running.shop.place()
        await running.finished()
    return running


@scene
async def skipped_send(stage: Stage) -> Running:
    async with stage.run(make_rules(TWICE, head=HEAD.replace("purpose: service", "purpose: marketing"))) as running:
        running.shop.place()
        await running.finished()
    return running


FOLLOWING = """
steps:
  - wait: {id: arrival, until: {date: order.estimated_at, follow: true}}
  - wait: {for: product.settling_time, default: 1s}
  - wait: {for: 1s, hours: business}
  - wait: {until: {date: order.placed_at, offset: -1d, if_past: skip}}
  - task: {id: call, team: sales}
  - send: {id: first, title: First reminder, channel: email, template: reminder}
"""
OPEN = "".join(f'    {day}: {{from: "00:00", to: "23:59"}}\n' for day in WEEKDAYS)


@scene
async def date_that_moves(stage: Stage) -> Running:
    policy = f"{POLICY}  business_hours:\n{OPEN}"
    async with stage.run(make_rules(FOLLOWING, policy=policy)) as running:
        running.shop.place(estimated_at=(now() + timedelta(hours=1)).isoformat())
        await until(lambda: stands_at(running, "arrival"), "the wait")
        soon = (now() + timedelta(seconds=2)).isoformat()
        running.shop.tell(running.shop.event("order.shipped", "N-1001", data={"estimated_at": soon}))
        await running.finished()
    return running


PROMISED = """
steps:
  - wait_for: {id: arrival, event: order.delivered, until: {date: order.estimated_at}, within: 1h}
    got: [end]
    else: [{task: {id: call, team: sales}}]
"""


@scene
async def promise_that_passed(stage: Stage) -> Running:
    async with stage.run(make_rules(PROMISED)) as running:
        running.shop.place(estimated_at=(now() + timedelta(seconds=2)).isoformat())
        await running.finished()
    return running


CHOOSING = """
steps:
  - switch: {on: order.payment_method}
    cases:
      card: [end]
      bank_slip: [{task: {id: slip, team: sales}}]
  - first:
      - {event: order.shipped, then: [end]}
      - {event: case.opened, where: {type: inquiry}, then: [{task: {id: reply, team: support}}]}
    within: 1h
    id: race
  - split: {id: wording, shares: {short: 50%, long: 50%}}
    arms: {short: [{task: {id: short, team: sales}}]}
  - repeat: {times: 3, every: 1s, until: {did: {event: review.created}}}
    steps: [{send: {id: first, title: First reminder, channel: email, template: reminder}}]
"""


@scene
async def ways_and_rounds(stage: Stage) -> Running:
    async with stage.run(make_rules(CHOOSING)) as running:
        running.shop.place()
        await until(lambda: stands_at(running, "race"), "the race")
        running.shop.tell(running.shop.event("case.opened", "N-1001", data={"case": "k", "type": "inquiry"}))
        await running.finished()
    return running


TAGGING = """
steps:
  - tag: {id: warm, add: [warm, guest], expires: 30d}
  - if: {tags: {has_all: [warm, guest]}}
    then: [{tag: {remove: guest}}]
"""
TAGS = "tags: {warm: {title: Warm, by_hand: true}, guest: {title: Guest, by_hand: true}}\n"


@scene
async def tags_given_and_taken(stage: Stage) -> Running:
    async with stage.run(make_rules(TAGGING, tags=TAGS)) as running:
        running.shop.place()
        await running.finished()
    return running


AT_ONCE = """
steps:
  - parallel:
      by-mail:
        - send: {id: first, title: First reminder, channel: email, template: reminder}
        - wait: 1s
        - send: {id: second, title: Second reminder, channel: email, template: reminder}
      by-phone:
        - task: {id: call, team: sales}
        - wait_for: {id: answer, event: case.opened, within: 1h}
          got: [{task: {id: reply, team: support}}]
    id: both
  - task: {id: after, team: sales}
"""


@scene
async def several_at_once(stage: Stage) -> Running:
    async with stage.run(make_rules(AT_ONCE)) as running:
        running.shop.place()
        await until(lambda: [each[2] for each in running.shop.messages()] == ["sent", "sent"], "both reminders")
        running.shop.tell(running.shop.event("case.opened", "N-1001", data={"case": "k", "type": "inquiry"}))
        await running.finished()
    return running


@scene
async def paid_while_several_go_on(stage: Stage) -> Running:
    async with stage.run(make_rules(AT_ONCE.replace("wait: 1s", "wait: 1h"))) as running:
        running.shop.place()
        await until(lambda: [each[2] for each in running.shop.messages()] == ["sent"], "the reminder")
        await until(lambda: stands_at(running, "both"), "the waits")
        running.shop.pay()
        await running.finished()
    return running


@scene
async def paid_before_the_first_wait_is_over(stage: Stage) -> Running:
    async with stage.run(make_rules(WAIT_AND_REMIND.replace("2s", "1h"))) as running:
        running.shop.place()
        await until(lambda: not running.shop.open_rows(), "the start")
        running.shop.pay()
        await running.finished()
    return running


@scene
async def paid_between_two_sends(stage: Stage) -> Running:
    async with stage.run(make_rules(TWICE.replace("1s", "1h"))) as running:
        running.shop.place()
        await until(lambda: stands_at(running, "patience"), "the wait")
        running.shop.pay()
        await running.finished()
    return running


@scene
async def paid_while_the_signal_is_on_the_way(stage: Stage) -> Running:
    async with stage.run(make_rules(WAIT_AND_REMIND), dispatching=False) as running:
        running.shop.place()
        await running.dispatcher.drain_once()
        running.shop.pay()
        await running.finished()
    return running


@scene
async def event_came(stage: Stage) -> Running:
    async with stage.run(make_rules(WAITING.replace("WITHIN", "1h"))) as running:
        running.shop.place()
        await until(lambda: stands_at(running, "answer"), "the wait")
        running.shop.tell(running.shop.event("case.opened", "N-1001", data={"case": "k", "type": "inquiry"}))
        await running.finished()
    return running


@scene
async def event_did_not_come(stage: Stage) -> Running:
    async with stage.run(make_rules(WAITING.replace("WITHIN", "1s"))) as running:
        running.shop.place()
        await running.finished()
    return running


@scene
async def event_of_the_future(stage: Stage) -> Running:
    wait = "steps:\n  - send: {id: first, channel: email, template: reminder}\n  - wait: {id: patience, for: 2s}\n"
    rest = WAITING.replace("WITHIN", "1s").replace("\nsteps:\n", "")
    async with stage.run(make_rules(wait + rest)) as running:
        running.shop.place()
        await until(lambda: stands_at(running, "patience"), "the wait")
        event = running.shop.event(
            "case.opened", "N-1001", at=now() + timedelta(days=1), data={"case": "k", "type": "inquiry"}
        )
        running.shop.tell(event)
        await running.finished()
    return running


@scene
async def branches_to_a_send(stage: Stage) -> Running:
    async with stage.run(make_rules(BRANCHES)) as running:
        running.shop.place()
        await running.finished()
    return running


@scene
async def branches_to_a_task(stage: Stage) -> Running:
    async with stage.run(make_rules(BRANCHES)) as running:
        running.shop.place(total=DEAR)
        await running.finished()
    return running


@scene
async def held_back_and_released(stage: Stage) -> Running:
    asked: list[datetime] = []

    def first_in_the_quiet() -> datetime:
        asked.append(wall_clock())
        end = wall_clock().replace(second=0, microsecond=0)
        return end - timedelta(seconds=1) if len(asked) == 1 else wall_clock()

    ended = POLICY + f'  quiet_hours: {{start: "{now() - timedelta(hours=1):%H:%M}", end: "{now():%H:%M}"}}\n'
    async with stage.run(make_rules(REMIND_AT_ONCE, policy=ended), now=first_in_the_quiet) as running:
        running.shop.place(at=now() - timedelta(minutes=10))
        await running.finished()
    return running


@scene
async def held_back_and_paid(stage: Stage) -> Running:
    async with stage.run(make_rules(REMIND_AT_ONCE, policy=quiet())) as running:
        running.shop.place()
        await until(lambda: stands_at(running, "first"), "the hold")
        running.shop.pay()
        await running.finished()
    return running


@scene
async def failed_send(stage: Stage) -> Running:
    fragile = {**TEMPLATES, "templates/reminder.en.txt": "Subject: Due\n\nPay {{ order.total | money }} now.\n"}
    async with stage.run(make_rules(TWICE, templates=fragile)) as running:
        running.shop.place(total=None)
        await running.finished()
    return running


@scene
async def retries_used_up(stage: Stage) -> Running:
    rules = impatient(make_rules(REMIND_AT_ONCE, policy=smtp_policy()))
    async with stage.run(rules, smtp(free_port())) as running:
        running.shop.place()
        await running.finished()
    return running


@scene
async def retries_used_up_and_caught(stage: Stage) -> Running:
    steps = REMIND_AT_ONCE + "    on_failure: [{task: {id: call, team: sales}}]\n  - wait: 1s\n"
    async with stage.run(impatient(make_rules(steps, policy=smtp_policy())), smtp(free_port())) as running:
        running.shop.place()
        await running.finished()
    return running


async def _take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await agree_until("DATA", reader, writer)
    await say(writer, "354 go on")
    while await reader.readline() not in (b".\r\n", b""):
        pass


@scene
async def send_in_doubt(stage: Stage) -> Running:
    async def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _take(reader, writer)

    async with (
        odd_server(hangs_up) as port,
        stage.run(make_rules(TWICE, policy=smtp_policy()), smtp(port)) as running,
    ):
        running.shop.place()
        await running.finished()
    return running


@scene
async def cancelled_before_it_began(stage: Stage) -> Running:
    async with stage.run(make_rules(WAIT_AND_REMIND.replace("2s", "1h"))) as running:
        running.shop.place()
        await until(lambda: not running.shop.open_rows(), "the start")
        await running.handle().cancel(reason="asked for")
        await running.finished()
    return running


@scene
async def cancelled_while_waiting(stage: Stage) -> Running:
    async with stage.run(make_rules(TWICE.replace("1s", "1h"))) as running:
        running.shop.place()
        await until(lambda: stands_at(running, "patience"), "the wait")
        await running.handle().cancel(reason="asked for")
        await running.finished()
    return running


@scene
async def cancelled_in_a_send(stage: Stage) -> Running:
    taken, let_go = asyncio.Event(), asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _take(reader, writer)
        taken.set()
        await let_go.wait()
        await say(writer, "250 taken")

    steps = REMIND_AT_ONCE + "  - task: {id: call, team: sales}\n"
    async with (
        odd_server(slow) as port,
        stage.run(make_rules(steps, policy=smtp_policy()), smtp(port, timeout=20)) as running,
    ):
        running.shop.place()
        await taken.wait()
        await running.handle().cancel(reason="asked for")

        async def heard() -> bool:
            return (
                "cancel"
                in (await running.handle().fetch_history()).to_json().lower().split("workflow_task_completed")[-2]
            )

        await until(heard, "the cancellation to be heard")
        let_go.set()
        await running.finished()
    return running


@scene
async def held_by_the_shops_clock(stage: Stage) -> Running:
    async with stage.run(make_rules(TWICE.replace("1s", "7d")), dispatching=False) as running:
        running.shop.place()
        await Dispatcher(running.client, running.shop.pool, running.shop.versions, clock="held").drain_once()
        take = running.handle().execute_update
        standing = await take("take", None, result_type=wire.Standing)
        assert standing.wait is not None
        assert standing.due is not None
        done = await take("take", wire.Tell("due", standing.due, wait=standing.wait), result_type=wire.Standing)
        assert done.finished
        await running.finished()
    return running


TELLING = """
steps:
  - webhook: {id: tell, to: crm, body: {what: unpaid, spent: {attribute: order.total}}}
    on_failure: [{task: {id: by-hand, team: support}}]
  - if: {step: tell, done: true}
    then: [{update: {id: note, set: {source: told}}}]
  - if: {all: [{step: note, done: true}, {order.total: {gte: 1 EUR}}]}
    then: [{task: {id: praise, team: support}}]
"""


@contextmanager
def settings(**wanted: str) -> Iterator[None]:
    """The worker's settings, as they stand in its environment."""
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})


def settings_of(url: str) -> dict[str, str]:
    """Those of a webhook to a server of the test's own."""
    return {
        "REGULARS_WEBHOOK_CRM_URL": url,
        "REGULARS_WEBHOOK_SECRET": "whsec-of-the-shop",
        "REGULARS_ALLOWED_ADDRESSES": "127.0.0.1",
    }


@scene
async def told_and_updated(stage: Stage) -> Running:
    async with serving(Service([Says(503), Says(204)])) as service:
        with settings(**settings_of(service.url)):
            async with stage.run(make_rules(TELLING)) as running:
                running.shop.place()
                await running.finished()
    return running


GIVING = """
steps:
  - coupon: {id: gift, pool: comeback, expires: 3d}
    on_failure: [{task: {id: refill, team: shop}}, end]
  - points: {id: earn, add: {of: order.total, per: 1 EUR}, expires: 365d}
  - task: {id: answer, team: support}
  - task: {id: up, move: answer, to: lead, due: 4h}
  - start: {id: follow, playbook: follow-up}
  - if: {all: [{step: up, done: true}, {step: answer, closed: false}, {step: gift, redeemed: false}]}
    then: [{send: {id: gave, channel: email, template: gift}}]
"""
FOLLOW_UP = """
playbook: follow-up
title: Follow up
for: order
start: {event: order.shipped}
controls: {purpose: service}
steps: [{task: {id: ask, team: support}}]
"""
GIFTS = {
    "coupons.yaml": "coupons: {comeback: {title: Come back, per_customer: 1}}",
    "playbooks/follow-up.yaml": FOLLOW_UP,
    "templates/gift.en.txt": "Subject: Yours\n\n{{ coupon.code }} until {{ coupon.last_day | date }}\n",
}


def fill(shop: Shop, *codes: str, pool: str = "comeback") -> None:
    """Codes for the pool, as an import brings them."""
    for code in codes:
        shop.execute("insert into coupons (pool, code) values (%s, %s)", pool, code)


@scene
async def given_moved_and_started(stage: Stage) -> Running:
    async with stage.run(make_rules(GIVING, more=GIFTS)) as running:
        fill(running.shop, "CODE-1")
        running.shop.place()
        await running.finished()
    return running


@scene
async def wait_that_was_skipped(stage: Stage) -> Running:
    steps = TWICE.replace("for: 1s", "for: 24h")
    async with stage.run(make_rules(steps)) as running:
        running.shop.place()
        await until(lambda: stands_at(running, "patience"), "the wait")
        await running.handle().execute_update("skip_wait")
        await running.finished()
    return running


@scene
async def pool_that_is_empty(stage: Stage) -> Running:
    async with stage.run(make_rules(GIVING, more=GIFTS)) as running:
        running.shop.place()
        await running.finished()
    return running


REWARDING = """
steps:
  - call: {id: reward, activity: loyalty-points, with: {points: 6, spent: {attribute: order.total}}}
  - if: {step: reward, balance: {gte: 60}, level: gold}
    then: [{task: {id: praise, team: support}}]
  - if: {step: reward, done: true}
    then: [{call: {id: again, activity: loyalty-points, with: {points: 1}}}]
"""


@scene
async def activity_of_its_own(stage: Stage) -> Running:
    own = {"loyalty-points": loyalty_points}
    async with stage.run(make_rules(REWARDING, more=LOYALTY), own=own) as running:
        running.shop.place()
        await running.finished()
    return running


@scene
async def activity_that_is_not_there(stage: Stage) -> Running:
    steps = REWARDING.partition("  - if")[0] + "    on_failure: [{task: {id: by-hand, team: support}}]\n"
    async with stage.run(impatient(make_rules(steps, more=LOYALTY))) as running:
        running.shop.place()
        await running.finished()
    return running


@asynccontextmanager
async def campaign(stage: Stage, rules: Rules) -> AsyncIterator[Running]:
    shop = stage.make_shop(rules)
    people(shop, "ann", "ben")
    async with campaigning(shop, stage.namespace, Mailbox(stage.mailbox)) as running:
        yield running


@scene
async def campaign_in_two_waves(stage: Stage) -> Running:
    """Of the first some is held back until it is over; the second is paused and resumed."""
    waves = (wave("preheat", -1, within="9s"), wave("opening", 10))
    capacity = "capacity: {per_day: 1}\n"
    async with campaign(stage, campaign_rules(*waves, more=capacity)) as running:
        await far(running, "preheat: 1 of 2 sent, 1 held back")
        act(running.shop, "pause")
        await far(running, "Wave 2 of 2, opening: paused")
        act(running.shop, "resume")
        await far(running, "opening: 0 of 2 sent, 2 held back")
        act(running.shop, "kill")
        await over(running)
    return running


@scene
async def campaign_cancelled_while_it_waits(stage: Stage) -> Running:
    waves = (wave("preheat", -1), wave("opening", 86400))
    async with campaign(stage, campaign_rules(*waves)) as running:
        await far(running, "opening: begins")
        await running.client.get_workflow_handle(workflow_id(NAME)).cancel()
        await over(running)
    return running


@scene
async def campaign_that_came_late(stage: Stage) -> Running:
    waves = (wave("preheat", -7200, within="1h"), wave("opening", -1))
    async with campaign(stage, campaign_rules(*waves)) as running:
        await over(running)
    return running


@asynccontextmanager
async def edited_at_patience(stage: Stage, policy: str, steps: str) -> AsyncIterator[Running]:
    """A journey waits at `patience` when its playbook is edited; gives the run in which that came."""
    shop = stage.make_shop(make_rules(TWICE.replace("1s", "4s")))
    async with editing(shop, stage.namespace, Mailbox(stage.mailbox)) as running:
        shop.place()
        await until(lambda: stands_at(running, "patience"), "the wait")
        running.run = (await running.handle().describe()).run_id
        await apply(running, edited(policy, steps))
        await carried_out(running)
        yield running


LONGER = TWICE.replace("1s", "9d").replace("  - wait", "  - task: {id: too-late, team: sales}\n  - wait")
LONGER += "  - if: {step: first, sent: true}\n    then: [{task: {id: call, team: sales}}]\n"


@scene
async def edited_while_it_waits(stage: Stage) -> Running:
    async with edited_at_patience(stage, "migrate", LONGER) as running:
        await running.finished()
    return running


@scene
async def gone_on_by_another_version(stage: Stage) -> Running:
    async with edited_at_patience(stage, "migrate", LONGER) as running:
        await running.finished()
        running.run = None
    return running


@scene
async def ended_by_an_edit(stage: Stage) -> Running:
    async with edited_at_patience(stage, "drain", LONGER) as running:
        await running.finished()
    return running


@scene
async def edit_of_a_playbook(stage: Stage) -> Running:
    async with edited_at_patience(stage, "migrate", LONGER) as running:
        await running.finished()
        running.campaign, running.run = "edits/payment-reminder/1", None
        await until(lambda: running.closed("edits/payment-reminder/1"), "the workflow's end")
    return running


@scene
async def edited_without_a_place(stage: Stage) -> Running:
    """The step has been taken out, and nobody has looked where journeys stand."""
    shop = stage.make_shop(make_rules(TWICE.replace("1s", "4s")))
    async with editing(shop, stage.namespace, Mailbox(stage.mailbox)) as running:
        shop.place()
        await until(lambda: stands_at(running, "patience"), "the wait")
        after = edited("migrate", TWICE.replace("id: patience", "id: delay"))
        planned = [replace(each, positions=()) for each in await plan(running, after)]
        await apply(running, after, planned)
        await carried_out(running)
        await running.finished()
    return running
