"""Orders on their way: paid, packed, shipped, delivered or cancelled."""

from psycopg.types.json import Jsonb

from engine.contracts import money_of
from engine.facts.event_formats import parse_instant
from engine.facts.intake.context import Incoming
from engine.facts.intake.order_data import currency_of, payment_rows, refuse_repeated_numbers

INSTANTS = {
    "order.paid": "paid_at",
    "order.packed": "packed_at",
    "order.shipped": "shipped_at",
    "order.delivered": "delivered_at",
    "order.cancelled": "cancelled_at",
}
_SET_INSTANT = """
update orders set {column} = case when %(corrects)s then %(at)s else coalesce({column}, %(at)s) end,
       estimated_at = coalesce(%(estimated_at)s, estimated_at)
 where id = %(order)s
"""
_SET_INSTANTS = """
update orders o set {column} = case when t.corrects then t.at else coalesce(o.{column}, t.at) end,
       estimated_at = coalesce(t.estimated_at, o.estimated_at)
  from jsonb_to_recordset(%(rows)s::jsonb) as t ("order" bigint, corrects boolean, at timestamptz,
                                                 estimated_at timestamptz)
 where o.id = t."order"
"""
_PAYMENTS = """
insert into payments (order_id, sequence, method, amount_minor, currency, installments, paid_at, recorded_at)
select %(order)s, p.sequence, p.method, p.amount, %(currency)s, p.installments, p.paid_at, %(recorded)s
  from jsonb_to_recordset(%(payments)s) as p(sequence int, method text, amount bigint, installments int,
                                             paid_at timestamptz)
on conflict (order_id, sequence) do update set
    paid_at = coalesce(payments.paid_at, excluded.paid_at),
    installments = coalesce(payments.installments, excluded.installments)
"""
# Spend is taken from payments, so a paid order without any gets one, of what was said or else of its total.
_ONE_PAYMENT = """
insert into payments (order_id, sequence, method, amount_minor, currency, recorded_at)
select %(order)s, 1, %(method)s, %(amount)s, %(currency)s, %(recorded)s
 where not exists (select from payments where order_id = %(order)s)
on conflict (order_id, sequence) do nothing
"""
_ONE_PAYMENT_EACH = """
insert into payments (order_id, sequence, method, amount_minor, currency, recorded_at)
select t."order", 1, t.method, t.amount, t.currency, t.recorded
  from jsonb_to_recordset(%(rows)s::jsonb) as t ("order" bigint, method text, amount bigint, currency text,
                                          recorded timestamptz)
 where not exists (select from payments p where p.order_id = t."order")
on conflict (order_id, sequence) do nothing
"""


def order_progressed(incoming: Incoming) -> None:
    """Sets the order's instant of this kind; a known one stays, unless the event corrects it."""
    incoming.read_state()
    if incoming.event.kind == "order.paid":
        currency_of(incoming)
        refuse_repeated_numbers(incoming.data)
    incoming.log(once=True)
    estimated = incoming.data.get("estimated_at")
    column = INSTANTS[incoming.event.kind]
    incoming.write(
        _SET_INSTANT.format(column=column),
        _SET_INSTANTS.format(column=column),
        corrects=incoming.corrects,
        at=incoming.event.at,
        estimated_at=parse_instant(estimated) if estimated else None,
        order=incoming.order_id,
    )
    if incoming.event.kind == "order.paid":
        _note_payments(incoming)


def _note_payments(incoming: Incoming) -> None:
    currency = incoming.order["currency"]
    payments = list(payment_rows(incoming.data))
    if payments:
        incoming.execute(
            _PAYMENTS,
            order=incoming.order_id,
            currency=currency,
            recorded=incoming.recorded_at,
            payments=Jsonb(payments),
        )
        return
    amount = incoming.data.get("amount")
    minor = money_of(amount).minor if amount else incoming.order["total_minor"]
    if minor is not None:
        method = incoming.data.get("method") or incoming.order["payment_method"] or "unknown"
        incoming.write(
            _ONE_PAYMENT,
            _ONE_PAYMENT_EACH,
            order=incoming.order_id,
            method=method,
            amount=minor,
            currency=currency,
            recorded=incoming.recorded_at,
        )
