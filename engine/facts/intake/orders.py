"""Orders on their way: paid, packed, shipped, delivered or cancelled."""

from engine.contracts import money_of
from engine.facts.event_formats import parse_instant
from engine.facts.intake.context import Incoming
from engine.facts.intake.gathering import from_rows
from engine.facts.intake.order_data import currency_of, payment_rows, refuse_repeated_numbers
from engine.facts.rows import rows_of

INSTANTS = {
    "order.paid": "paid_at",
    "order.packed": "packed_at",
    "order.shipped": "shipped_at",
    "order.delivered": "delivered_at",
    "order.cancelled": "cancelled_at",
}
_SET_INSTANT = """
update orders o set {column} = case when t.corrects then t.at else coalesce(o.{column}, t.at) end,
       estimated_at = coalesce(t.estimated_at, o.estimated_at)
  from told
 where o.id = t."order"
"""
# Spend is taken from payments, so a paid order without any gets one, of what was said or else of its total.
_PAYMENTS = from_rows(
    """
insert into payments (order_id, sequence, method, amount_minor, currency, installments, paid_at, recorded_at)
select t."order", p.sequence, p.method, p.amount, t.currency, p.installments, p.paid_at, t.recorded
  from told
 cross join jsonb_to_recordset(t.payments) as p (sequence int, method text, amount bigint, installments int,
                                                 paid_at timestamptz)
 where not t.only_payment or not exists (select from payments k where k.order_id = t."order")
on conflict (order_id, sequence) do update set
    paid_at = coalesce(payments.paid_at, excluded.paid_at),
    installments = coalesce(payments.installments, excluded.installments)
""",
    "currency text, payments jsonb, only_payment boolean",
)
_FACTS = {
    kind: (
        from_rows(_SET_INSTANT.format(column=column), "corrects boolean, estimated_at timestamptz"),
        *((_PAYMENTS,) if kind == "order.paid" else ()),
    )
    for kind, column in INSTANTS.items()
}


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
        "corrects": incoming.corrects,
        "estimated_at": estimated_at,
        "payments": payments,
        "currency": incoming.order["currency"],
        "only_payment": only,
    }
    facts = _FACTS[incoming.event.kind]
    incoming.log(*facts, once=True, **told)
    if incoming.told_id is not None:  # it corrects
        row = {"order": incoming.order_id, "at": incoming.event.at, "recorded": incoming.recorded_at}
        for each in facts:
            incoming.execute(each, rows=rows_of([row | told]))


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
