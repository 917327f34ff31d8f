"""Orders on their way: paid, packed, shipped, delivered or cancelled."""

from engine.contracts import money_of
from engine.facts.event_formats import parse_instant
from engine.facts.intake.context import Incoming
from engine.facts.intake.gathering import log_with
from engine.facts.intake.order_data import currency_of, payment_rows, refuse_repeated_numbers
from engine.facts.rows import rows_of

INSTANTS = {
    "order.paid": "paid_at",
    "order.packed": "packed_at",
    "order.shipped": "shipped_at",
    "order.delivered": "delivered_at",
    "order.cancelled": "cancelled_at",
}
_COLUMNS = "estimated_at timestamptz, payments jsonb, currency text, only_payment boolean"
_SET_INSTANT = """, moved as (
    update orders o set {column} = {instant}, estimated_at = coalesce(f.estimated_at, o.estimated_at)
      from told f
     where o.id = f.order_id
)"""
# Spend is taken from payments, so a paid order without any gets one, of what was said or else of its total.
_PAID = """, paid as (
    insert into payments (order_id, sequence, method, amount_minor, currency, installments, paid_at, recorded_at)
    select f.order_id, p.sequence, p.method, p.amount, f.currency, p.installments, p.paid_at, f.recorded
      from told f, jsonb_to_recordset(f.payments) as p(sequence int, method text, amount bigint, installments int,
                                                        paid_at timestamptz)
     where not f.only_payment or not exists (select from payments k where k.order_id = f.order_id)
    on conflict (order_id, sequence) do update set
        paid_at = coalesce(payments.paid_at, excluded.paid_at),
        installments = coalesce(payments.installments, excluded.installments)
)"""
_CORRECTED = """
with told as (
    select "order" as order_id, *
      from jsonb_to_recordset(%(rows)s::jsonb) as ("order" bigint, at timestamptz, recorded timestamptz, {columns})
){parts}
select
"""


def _facts(kind: str, instant: str) -> str:
    column = INSTANTS[kind]
    moved = _SET_INSTANT.format(column=column, instant=instant.format(column=column))
    return moved + (_PAID if kind == "order.paid" else "")


_PROGRESS = {kind: log_with(_COLUMNS, _facts(kind, "coalesce(o.{column}, f.at)")) for kind in INSTANTS}
_CORRECT = {kind: _CORRECTED.format(columns=_COLUMNS, parts=_facts(kind, "f.at")) for kind in INSTANTS}


def order_progressed(incoming: Incoming) -> None:
    """Sets the order's instant of this kind; a known one stays, unless the event corrects it."""
    incoming.read_state()
    if incoming.event.kind == "order.paid":
        currency_of(incoming)
        refuse_repeated_numbers(incoming.data)
    estimated = incoming.data.get("estimated_at")
    estimated_at = parse_instant(estimated) if estimated else None
    payments, only = _payments(incoming)
    told = {
        "estimated_at": estimated_at,
        "payments": payments,
        "currency": incoming.order["currency"],
        "only_payment": only,
    }
    incoming.log(once=True, statement=_PROGRESS[incoming.event.kind], **told)
    if incoming.told_id is not None:
        order = {"order": incoming.order_id, "at": incoming.event.at, "recorded": incoming.recorded_at}
        incoming.execute(_CORRECT[incoming.event.kind], rows=rows_of([order | told]))


def _payments(incoming: Incoming) -> tuple[list[dict[str, object]], bool]:
    """The rows of payments, and whether it is one of which nothing was said, so that it counts where there is none."""
    if incoming.event.kind != "order.paid":
        return [], False
    if told := list(payment_rows(incoming.data)):
        return told, False
    amount = incoming.data.get("amount")
    minor = money_of(amount).minor if amount else incoming.order["total_minor"]
    if minor is None:
        return [], True
    method = incoming.data.get("method") or incoming.order["payment_method"] or "unknown"
    return [{"sequence": 1, "method": method, "amount": minor}], True
