"""All tables, in one place, because every other part reads them by these names.

Over 400 lines: one declaration for each table, no logic. Instants are `timestamptz` in UTC; money is minor units
(`*_minor`) with an ISO 4217 `currency`. `recorded_at` is the record instant: when we were told. `key` is the
source's own name for a row and, with its owner, unique: the same row twice is one row. `assumed` names the
columns whose value an import mapping supplied. No table has a schema name: the connection's `search_path` chooses it,
so that a replay has its own copy of everything.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id() -> Column[int]:
    return Column("id", BigInteger, Identity(), primary_key=True)


def _instant(name: str, *, required: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=not required)


def _recorded() -> Column[object]:
    return Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=func.now())


def _minor(name: str, *, required: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=not required)


def _currency(*, required: bool = False) -> Column[str]:
    return Column("currency", String(3), nullable=not required)


def _assumed() -> Column[list[str]]:
    return Column("assumed", ARRAY(Text), nullable=False, server_default=text("'{}'"))


def _ref(name: str, target: str, *, required: bool = False) -> Column[int]:
    return Column(name, BigInteger, ForeignKey(f"{target}.id"), nullable=not required)


def _json(name: str = "data") -> Column[object]:
    return Column(name, JSONB, nullable=False, server_default=text("'{}'"))


# --- the shop and its people ---------------------------------------------------------------------------------------

shops = Table(
    "shops",
    metadata,
    _id(),
    Column("key", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("zone", Text, nullable=False),
    _currency(required=True),
    Column("country", String(2)),
    _recorded(),
)

customers = Table(
    "customers",
    metadata,
    _id(),
    Column("key", Text, nullable=False, unique=True),
    _instant("known_since"),  # sign-up or first contact; null: since the first order
    Column("given_name", Text),
    Column("family_name", Text),
    Column("email", Text),  # case folded at intake
    Column("phone", Text),  # E.164
    Column("locale", Text),
    Column("zone", Text),
    Column("country", String(2)),
    Column("region", Text),
    Column("city", Text),
    Column("postal_code", Text),
    Column("birthday", Date),
    Column("source", Text),
    _assumed(),
    _recorded(),
    Column("fact_version", BigInteger, nullable=False, server_default=text("0")),
)

customer_identities = Table(
    "customer_identities",
    metadata,
    _id(),
    _ref("customer_id", "customers", required=True),
    _ref("shop_id", "shops", required=True),
    Column("platform", Text, nullable=False, server_default=text("'shop'")),
    Column("key", Text, nullable=False),
    _recorded(),
    UniqueConstraint("shop_id", "platform", "key"),
    Index("ix_customer_identities_customer_id", "customer_id"),
)

products = Table(
    "products",
    metadata,
    _id(),
    _ref("shop_id", "shops", required=True),
    Column("key", Text, nullable=False),
    Column("title", Text),
    Column("category", Text),
    Column("attributes", JSONB, nullable=False, server_default=text("'{}'")),
    _minor("price_minor"),
    _currency(),
    _instant("launched_at"),
    Column("settling_days", Integer),
    Column("repurchase_days", Integer),
    _assumed(),
    _recorded(),
    UniqueConstraint("shop_id", "key"),
)

# --- orders and what belongs to them --------------------------------------------------------------------------------

orders = Table(
    "orders",
    metadata,
    _id(),
    _ref("shop_id", "shops", required=True),
    Column("number", Text, nullable=False),  # the shop's own order number
    _ref("customer_id", "customers", required=True),
    Column("platform", Text),
    Column("channel", Text),  # where it came from: ad, mail, deal site, ...
    Column("payment_method", Text),
    _instant("placed_at", required=True),
    _instant("paid_at"),
    _instant("packed_at"),
    _instant("shipped_at"),
    _instant("estimated_at"),  # promised delivery; a value, not something that happened
    _instant("delivered_at"),
    _instant("cancelled_at"),
    Column("closed", Text),  # 'cancelled' or 'unavailable', said by the source without an instant
    Column("status", Text),  # the source's own word, as told
    _minor("total_minor"),
    _minor("shipping_minor"),
    _minor("discount_minor"),
    _currency(required=True),
    Column("ship_to_differs", Boolean),
    _assumed(),
    _recorded(),
    UniqueConstraint("shop_id", "number"),
    CheckConstraint("closed in ('cancelled', 'unavailable')", name="closed"),
    Index("ix_orders_customer_id_placed_at", "customer_id", "placed_at"),
    Index("ix_orders_placed_at", "placed_at"),
)

order_lines = Table(
    "order_lines",
    metadata,
    _id(),
    _ref("order_id", "orders", required=True),
    Column("line", Integer, nullable=False),
    _ref("product_id", "products"),
    Column("quantity", Integer, nullable=False, server_default=text("1")),
    _minor("unit_price_minor", required=True),
    _minor("discount_minor"),
    _minor("shipping_minor"),
    _currency(required=True),
    Column("seller", Text),
    _recorded(),
    UniqueConstraint("order_id", "line"),
)

payments = Table(
    "payments",
    metadata,
    _id(),
    _ref("order_id", "orders", required=True),
    Column("sequence", Integer, nullable=False),
    Column("method", Text, nullable=False),
    _minor("amount_minor", required=True),
    _currency(required=True),
    Column("installments", Integer),
    _instant("paid_at"),  # null: at the order's paid_at
    _recorded(),
    UniqueConstraint("order_id", "sequence"),
)

shipments = Table(
    "shipments",
    metadata,
    _id(),
    _ref("order_id", "orders", required=True),
    Column("key", Text, nullable=False),
    Column("carrier", Text),
    Column("tracking", Text),
    _instant("shipped_at"),
    _instant("estimated_at"),
    _instant("out_for_delivery_at"),
    _instant("delivered_at"),
    _instant("lost_at"),
    _recorded(),
    UniqueConstraint("order_id", "key"),
)

returns = Table(
    "returns",
    metadata,
    _id(),
    _ref("order_id", "orders", required=True),
    Column("key", Text, nullable=False),
    Column("kind", Text, nullable=False, server_default=text("'return'")),  # return or exchange
    Column("reason", Text),
    _instant("requested_at", required=True),
    _instant("received_at"),
    _instant("refunded_at"),
    _minor("refund_minor"),
    _currency(),
    _recorded(),
    UniqueConstraint("order_id", "key"),
)

reviews = Table(
    "reviews",
    metadata,
    _id(),
    _ref("order_id", "orders", required=True),
    _ref("product_id", "products"),
    Column("key", Text, nullable=False),
    Column("score", SmallInteger, nullable=False),
    Column("title", Text),
    Column("body", Text),
    _instant("created_at"),
    _instant("answered_at"),
    _recorded(),
    UniqueConstraint("order_id", "key"),
    CheckConstraint("score between 1 and 5", name="score"),
)

cases = Table(
    "cases",
    metadata,
    _id(),
    _ref("customer_id", "customers", required=True),
    _ref("order_id", "orders"),
    Column("key", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),  # complaint, inquiry, work_order, ...
    Column("subject", Text),
    _instant("opened_at", required=True),
    _instant("answered_at"),
    _instant("closed_at"),
    Column("satisfaction", SmallInteger),
    _recorded(),
    Index("ix_cases_customer_id", "customer_id"),
)

# --- what the shop does and what people do on it --------------------------------------------------------------------

campaign_periods = Table(
    "campaign_periods",
    metadata,
    _id(),
    Column("key", Text, nullable=False, unique=True),
    Column("title", Text, nullable=False),
    _instant("starts_at", required=True),
    _instant("ends_at", required=True),
    _recorded(),
)

site_events = Table(
    "site_events",
    metadata,
    _id(),
    _ref("customer_id", "customers", required=True),
    Column("key", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),  # visit, product_viewed, cart, search, log_in
    _ref("product_id", "products"),
    _instant("at", required=True),
    _json(),
    _recorded(),
    Index("ix_site_events_customer_id_at", "customer_id", "at"),
)

consents = Table(
    "consents",
    metadata,
    _id(),
    _ref("customer_id", "customers", required=True),
    Column("purpose", Text, nullable=False),
    Column("channel", Text, nullable=False, server_default=text("'*'")),  # '*': every channel
    Column("granted", Boolean, nullable=False),
    _instant("at"),  # null: since always
    Column("source", Text),
    _assumed(),
    _recorded(),
    UniqueConstraint("customer_id", "purpose", "channel", "at", postgresql_nulls_not_distinct=True),
)

suppressions = Table(
    "suppressions",
    metadata,
    _id(),
    _ref("customer_id", "customers", required=True),
    Column("channel", Text, nullable=False, server_default=text("'*'")),
    Column("reason", Text, nullable=False),  # bounced, complained, opted_out, invalid_address, manual
    _instant("since", required=True),
    _instant("until"),
    _recorded(),
    UniqueConstraint("customer_id", "channel", "reason", "since"),
)

coupons = Table(
    "coupons",
    metadata,
    _id(),
    Column("pool", Text, nullable=False),
    Column("code", Text, nullable=False, unique=True),
    _ref("customer_id", "customers"),
    Column("key", Text, unique=True),  # whom it was given for: exactly one a key
    _minor("value_minor"),
    _currency(),
    _instant("issued_at"),
    _instant("expires_at"),
    _instant("redeemed_at"),
    _ref("redeemed_order_id", "orders"),
    _recorded(),
    Index("ix_coupons_customer_id", "customer_id"),
    Index("ix_coupons_free", "pool", "expires_at", "id", postgresql_where=text("customer_id is null")),
)

points_entries = Table(
    "points_entries",
    metadata,
    _id(),
    _ref("customer_id", "customers", required=True),
    Column("key", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),  # earn, spend, expire, reverse
    Column("points", BigInteger, nullable=False),
    _ref("order_id", "orders"),
    _instant("at", required=True),
    _instant("available_at"),
    _instant("expires_at"),
    _ref("lot_id", "points_entries"),  # the entry whose points expire or are taken back
    _recorded(),
    Index("ix_points_entries_customer_id", "customer_id"),
    Index("ix_points_entries_lot_id", "lot_id"),
)

# --- events as told -------------------------------------------------------------------------------------------------

events = Table(
    "events",
    metadata,
    _id(),
    _ref("shop_id", "shops", required=True),
    Column("key", Text, nullable=False),
    Column("kind", Text, nullable=False),
    _ref("customer_id", "customers", required=True),
    _ref("order_id", "orders"),
    _instant("at", required=True),
    _json(),
    _recorded(),
    UniqueConstraint("shop_id", "key"),
    Index("ix_events_customer_id_kind_at", "customer_id", "kind", "at"),
)

refused_events = Table(
    "refused_events",
    metadata,
    _id(),
    Column("shop", Text),
    Column("key", Text),  # with the shop, as far as they could be read: a refusal told twice is one row
    Column("code", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("event", JSONB, nullable=False),
    Column("waits_for", Text),  # e.g. order:main/1001: whose arrival makes it a fact by itself
    _recorded(),
    _instant("replayed_at"),
    Index("ix_refused_events_shop_key", "shop", "key", postgresql_where=text("replayed_at is null")),
    Index("ix_refused_events_waits_for", "waits_for", postgresql_where=text("replayed_at is null")),
)

# --- rules, journeys and what they send -----------------------------------------------------------------------------

rule_versions = Table(
    "rule_versions",
    metadata,
    Column("version", Text, primary_key=True),  # content hash
    Column("files", JSONB, nullable=False),  # path -> text, so that a version can be compiled again
    _recorded(),
)

rules_in_force = Table(
    "rules_in_force",
    metadata,
    _id(),  # the highest is in force, the others are its history
    Column("version", Text, ForeignKey("rule_versions.version"), nullable=False),
    Column("follows", BigInteger, nullable=False, unique=True),  # the row before, 0: none; so no two follow the same
    Column("how", Text, nullable=False),  # start: a project's rules, as nothing was applied yet; apply or rollback
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False, server_default=text("''")),
    Column("start_existing", Boolean, nullable=False, server_default=text("false")),
    Column("changing", Integer),  # customers who were told to change
    _recorded(),
    _instant("settled_at"),  # when everybody whom its rules concern had been judged by them
    CheckConstraint("how in ('start', 'apply', 'rollback')", name="how"),
)

cut_offs = Table(
    "cut_offs",
    metadata,
    _id(),
    Column("version", Text, ForeignKey("rule_versions.version"), nullable=False),
    _instant("as_of", required=True),
    _json("values"),  # tier and RFM breakpoints, as engine.standing.cut_offs writes them
    _recorded(),
    _instant("judged_at"),  # when everybody had been judged by them; null: a run that has not come to its end
)

standings = Table(
    "standings",
    metadata,
    Column("customer_id", BigInteger, ForeignKey("customers.id"), primary_key=True),
    Column("tags", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("segments", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("stage", Text),
    Column("tier", Text),
    Column("rfm_group", Text),
    Column("rfm_recency", SmallInteger),
    Column("rfm_frequency", SmallInteger),
    Column("rfm_monetary", SmallInteger),
    Column("given", JSONB, nullable=False, server_default=text("'{}'")),  # tag -> instant it was given
    Column("version", Text, nullable=False),
    _instant("tier_ends_at"),  # until when a tier is kept that a review found lost
    _ref("cut_offs_id", "cut_offs"),
    Column("fact_version", BigInteger, nullable=False),  # -1: an import brought facts since, and no event
    _instant("evaluated_at", required=True),  # logical
    _instant("next_flip"),  # when it may change with no new fact
    Column("flips", JSONB),  # the same by what it follows from, with what they were found by; null: nobody knows
    Index("ix_standings_next_flip", "next_flip", postgresql_where=text("next_flip is not null")),
    Index("ix_standings_segments", "segments", postgresql_using="gin"),
    Index("ix_standings_tags", "tags", postgresql_using="gin"),
)

# Triggers of the calendar in force: playbook, trigger and the policy's zone, by their digest.
calendar_triggers = Table(
    "calendar_triggers",
    metadata,
    Column("trigger", Text, primary_key=True),
    Column("playbook", Text, nullable=False),
    _instant("since", required=True),  # wall clock: it came into force; no earlier moment counts
    _instant("checked_at", required=True),  # until then every moment of every customer's is known
)

calendar_dues = Table(
    "calendar_dues",
    metadata,
    Column("trigger", Text, ForeignKey("calendar_triggers.trigger", ondelete="CASCADE"), primary_key=True),
    Column("customer_id", BigInteger, ForeignKey("customers.id"), primary_key=True),
    _instant("due_at"),  # logical: the next moment; null: there is none
    _instant("last_at"),  # logical: the moment that has come last
    Column("fact_version", BigInteger, nullable=False),  # of the customer, when it was looked up
    Index("ix_calendar_dues_due_at", "due_at", postgresql_where=text("due_at is not null")),
)

# One evaluation of everybody that is split over workers, and its slices.
evaluation_runs = Table(
    "evaluation_runs",
    metadata,
    _id(),
    Column("version", Text, ForeignKey("rule_versions.version"), nullable=False),
    _instant("as_of", required=True),  # logical
    _instant("told_at", required=True),  # wall clock: when it was asked for
    Column("slices", Integer, nullable=False),
    Column("start_existing", Boolean, nullable=False),
    Column("cut_offs_id", BigInteger),  # once they are published
    Column("held", BigInteger, nullable=False, server_default=text("0")),  # journeys that wait for a person
    _instant("ended_at"),
    _recorded(),
)

newcomers = Table(
    "newcomers",  # who came, also some who have been judged since
    metadata,
    Column("customer_id", BigInteger, ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True),
)

evaluation_slices = Table(
    "evaluation_slices",
    metadata,
    Column("run_id", BigInteger, ForeignKey("evaluation_runs.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("customers", BigInteger),  # how many it has
    Column("columns", LargeBinary),  # the values that cut-offs are computed from
    Column("after", BigInteger, nullable=False, server_default=text("0")),  # the last customer who was judged
    Column("tally", JSONB),  # what came of those so far
    _instant("ended_at"),
)

standing_changes = Table(
    "standing_changes",
    metadata,
    _id(),
    _ref("customer_id", "customers", required=True),
    Column("kind", Text, nullable=False),  # tag, segment, stage, tier, rfm_group
    Column("from", Text),
    Column("to", Text),
    _instant("at", required=True),  # logical
    Column("cause", Text, nullable=False),  # baseline, event, flip, rules, hand
    _ref("event_id", "events"),
    Column("version", Text, nullable=False),
    _ref("cut_offs_id", "cut_offs"),
    Column("evidence", JSONB),
    _recorded(),
    Index("ix_standing_changes_customer_id_at", "customer_id", "at"),
)

hand_tags = Table(
    "hand_tags",
    metadata,
    _id(),
    _ref("customer_id", "customers", required=True),
    Column("tag", Text, nullable=False),
    Column("author", Text, nullable=False),
    _instant("at", required=True),
    _instant("expires_at"),
    _instant("removed_at"),
    Column("removed_by", Text),
    _recorded(),
    Index("ix_hand_tags_customer_id", "customer_id"),
)

journeys = Table(
    "journeys",
    metadata,
    _id(),
    Column("workflow_id", Text, nullable=False, unique=True),
    Column("playbook", Text, nullable=False),
    Column("version", Text, ForeignKey("rule_versions.version"), nullable=False),
    Column("subject", Text, nullable=False),  # customer, order, shipment or case
    Column("subject_id", BigInteger, nullable=False),
    Column("occasion", Integer, nullable=False),  # 1, 2, ... for one playbook and subject
    _ref("customer_id", "customers", required=True),
    _ref("order_id", "orders"),
    _ref("event_id", "events"),
    _instant("started_at", required=True),  # logical: the starting event's instant
    Column("state", Text, nullable=False, server_default=text("'running'")),
    Column("outcome", Text),  # why it ended: ended, order.paid, replay-ended, ...
    _instant("stopped_at"),  # logical instant of the stop, set by the transaction that recorded its event
    _instant("ended_at"),
    _instant("paused_at"),  # wall clock; while it is set nothing of the journey is sent, and nothing is lost
    Column("paused_by", Text),
    Column("pause_reason", Text),
    _recorded(),
    UniqueConstraint("playbook", "subject", "subject_id", "occasion"),
    # held: would start, but a person has to release it first; Temporal has not been told
    CheckConstraint("state in ('held', 'running', 'ended', 'stopped', 'failed', 'cancelled')", name="state"),
    Index("ix_journeys_held", "playbook", "id", postgresql_where=text("state = 'held'")),
    Index("ix_journeys_subject_subject_id", "subject", "subject_id"),
    Index("ix_journeys_customer_id", "customer_id"),
    Index("ix_journeys_running", "id", postgresql_where=text("state = 'running'")),
)

# Versions of playbooks that their journeys under way follow, by `edits: migrate` or `edits: drain`.
edits = Table(
    "edits",
    metadata,
    _id(),
    Column("playbook", Text, nullable=False),
    Column("version", Text, ForeignKey("rule_versions.version"), nullable=False),
    Column("policy", Text, nullable=False),
    Column("from_versions", ARRAY(Text), nullable=False),  # journeys of these follow
    Column("state", Text, nullable=False, server_default=text("'running'")),
    _instant("begun_at", required=True),  # wall clock
    _instant("ended_at"),
    _instant("told_at"),  # wall clock: since then Temporal knows of it
    _recorded(),
    CheckConstraint("policy in ('migrate', 'drain')", name="policy"),
    CheckConstraint("state in ('running', 'ended', 'superseded')", name="state"),
    Index("ix_edits_running", "playbook", postgresql_where=text("state = 'running'")),
)

# What an edit came to for each journey: of one that has migrated also its history of versions.
journey_edits = Table(
    "journey_edits",
    metadata,
    Column("edit_id", BigInteger, ForeignKey("edits.id"), primary_key=True),
    Column("journey_id", BigInteger, ForeignKey("journeys.id"), primary_key=True),
    Column("from_version", Text, nullable=False),
    Column("state", Text, nullable=False, server_default=text("'open'")),
    Column("step", Text),  # where it stood
    Column("to_step", Text),  # where it stands by the new version
    Column("why", Text),  # of pinned: why it has no place there
    _instant("at"),  # wall clock: since when it is so
    # told: the journey knows and has not yet written down what it did; pinned: it has no place in the new version
    CheckConstraint(
        "state in ('open', 'told', 'migrated', 'replaced', 'drained', 'pinned', 'ended', 'lost')", name="state"
    ),
    Index("ix_journey_edits_open", "edit_id", "journey_id", postgresql_where=text("state in ('open', 'told')")),
    Index("ix_journey_edits_journey_id", "journey_id"),
)

playbook_controls = Table(
    "playbook_controls",
    metadata,
    Column("playbook", Text, primary_key=True),  # or '*': all of them
    Column("state", Text, nullable=False),  # paused: what is due waits; killed: what is due is skipped
    Column("author", Text, nullable=False),
    Column("reason", Text),
    _instant("at", required=True),
    CheckConstraint("state in ('paused', 'killed')", name="state"),
)

actions = Table(
    "actions",
    metadata,
    _id(),
    Column("action", Text, nullable=False),
    _ref("journey_id", "journeys"),  # null: of the playbook as a whole
    Column("playbook", Text, nullable=False),  # or '*': all of them
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
    _instant("at", required=True),  # wall clock
    CheckConstraint("action in ('pause', 'resume', 'cancel', 'kill')", name="action"),
    Index("ix_actions_journey_id", "journey_id"),
)

outbox = Table(
    "outbox",
    metadata,
    _id(),
    _ref("journey_id", "journeys", required=True),
    Column("kind", Text, nullable=False),  # start, event, cancel
    _json("payload"),
    _instant("at", required=True),  # logical
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("error", Text),
    _instant("not_before"),  # wall clock, after a failed attempt
    _instant("done_at"),
    _recorded(),
    CheckConstraint("kind in ('start', 'event', 'cancel')", name="kind"),
    Index("ix_outbox_open", "journey_id", "id", postgresql_where=text("done_at is null")),
    Index("ix_outbox_open_id", "id", postgresql_where=text("done_at is null")),  # claims go in order of id
)

# Which state may follow which is a trigger, guard_messages: see docs/messages.md.
messages = Table(
    "messages",
    metadata,
    _id(),
    Column("key", Text, nullable=False, unique=True),  # workflow id/step/iteration/channel
    _ref("journey_id", "journeys", required=True),
    _ref("customer_id", "customers", required=True),
    Column("playbook", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("iteration", Integer, nullable=False, server_default=text("1")),
    Column("channel", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("template", Text),
    Column("locale", Text),
    Column("segments", Integer),  # of a short text: how many are paid
    Column("state", Text, nullable=False),
    Column("reason", Text),  # of skipped, deferred, in_doubt and failed, and of no other
    _instant("due_at", required=True),  # logical instant at which the step asked for it first
    _instant("at", required=True),  # logical instant of the present state
    _instant("until"),  # deferred: not before
    Column("provider", Text),
    Column("provider_id", Text),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("settled_by", Text),
    Column("places", ARRAY(Text), nullable=False, server_default=text("'{}'")),  # of capacity_use: held or promised
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    _recorded(),
    UniqueConstraint("journey_id", "step", "iteration", "channel"),
    CheckConstraint(
        "state in ('planned', 'reserved', 'in_flight', 'sent', 'skipped', 'deferred', 'in_doubt', 'failed')",
        name="state",
    ),
    CheckConstraint(
        "(state in ('skipped', 'deferred', 'in_doubt', 'failed')) = (reason is not null)", name="has_reason"
    ),
    CheckConstraint("state not in ('skipped', 'deferred') or reason ~ '^[a-z][a-z0-9_-]*$'", name="reason_is_a_word"),
    CheckConstraint("(state = 'deferred') = (until is not null)", name="deferred_has_until"),
    Index("ix_messages_customer_id_at", "customer_id", "at"),
    Index("ix_messages_in_doubt", "id", postgresql_where=text("state = 'in_doubt'")),
    Index("ix_messages_deferred", "customer_id", postgresql_where=text("state = 'deferred'")),
    Index(
        "ix_messages_open",
        "journey_id",
        postgresql_where=text("state in ('reserved', 'in_flight', 'deferred', 'in_doubt')"),
    ),
    Index(
        "ix_messages_open_step",  # what is still to be sent of a campaign's wave
        "playbook",
        "step",
        "id",
        postgresql_where=text("state in ('planned', 'reserved', 'in_flight', 'deferred')"),
    ),
    Index("ix_messages_at", "at", postgresql_using="brin"),  # what happened today
)

capacity_use = Table(
    "capacity_use",
    metadata,
    Column("place", Text, primary_key=True),  # capacity/span/start/rank
    Column("capacity", Text, nullable=False),
    Column("span", Text, nullable=False),
    _instant("starts_at", required=True),
    Column("rank", Integer, nullable=False),  # of the purpose among policy's priorities
    Column("used", Integer, nullable=False, server_default=text("0")),
    Column("promised", Integer, nullable=False, server_default=text("0")),  # to messages held back until then
    CheckConstraint("span in ('hour', 'day')", name="span"),
    Index("ix_capacity_use_capacity_starts_at", "capacity", "starts_at"),
)

channel_limits = Table(
    "channel_limits",
    metadata,
    Column("channel", Text, primary_key=True),
    _instant("next_at", required=True),  # the token bucket in one instant: when the next message may leave
    _instant("queue_at", required=True),  # up to when turns in its queue have been given out
    Column(
        "urgent_at", DateTime(timezone=True), nullable=False, server_default=text("'epoch'")
    ),  # likewise, to what goes first
)

# Written by a trigger of messages, log_messages, whoever changes one.
message_log = Table(
    "message_log",
    metadata,
    _id(),
    _ref("message_id", "messages", required=True),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("channel", Text, nullable=False),
    _instant("at", required=True),  # logical
    _instant("until"),
    Column("attempts", Integer, nullable=False),
    Column("author", Text),  # who settled a doubt
    _recorded(),  # by the clock
    Index("ix_message_log_message_id", "message_id"),
)

message_events = Table(
    "message_events",
    metadata,
    _id(),
    _ref("message_id", "messages", required=True),
    Column("kind", Text, nullable=False),  # delivered, opened, clicked, replied, bounced, complained
    Column("key", Text, nullable=False),
    _instant("at", required=True),
    _json(),
    _recorded(),
    UniqueConstraint("message_id", "kind", "key"),
)

tasks = Table(
    "tasks",
    metadata,
    _id(),
    Column("key", Text, nullable=False, unique=True),  # workflow id/step/iteration
    _ref("journey_id", "journeys"),
    _ref("customer_id", "customers", required=True),
    _ref("order_id", "orders"),
    Column("task", Text, nullable=False),
    Column("team", Text, nullable=False),
    Column("title", Text, nullable=False),
    _instant("opened_at", required=True),
    _instant("due_at"),
    _instant("closed_at"),
    Column("closed_by", Text),
    _recorded(),
)

calls = Table(
    "calls",
    metadata,
    _id(),
    Column("key", Text, nullable=False, unique=True),  # workflow id/step/iteration
    _ref("journey_id", "journeys", required=True),
    _ref("customer_id", "customers", required=True),
    Column("step", Text, nullable=False),
    Column("iteration", Integer, nullable=False),
    Column("activity", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),  # of failed, skipped, and of an open one that a pause holds back
    _instant("at", required=True),  # of one that is held back: not before
    Column("attempts", Integer, nullable=False),
    _json("answer"),
    _recorded(),
    CheckConstraint("state in ('open', 'begun', 'done', 'failed', 'skipped')", name="state"),
    Index("ix_calls_journey_id", "journey_id"),
)

# --- campaigns ------------------------------------------------------------------------------------------------------

campaign_runs = Table(
    "campaign_runs",
    metadata,
    _id(),
    Column("campaign", Text, nullable=False, unique=True),  # a name runs once
    Column("version", Text, ForeignKey("rule_versions.version"), nullable=False),
    Column("state", Text, nullable=False, server_default=text("'running'")),
    Column("wave", Text),  # the one it is at
    _instant("started_at", required=True),
    _instant("frozen_at"),  # logical: as of when its audience was taken last
    _instant("ended_at"),
    _instant("told_at"),  # wall clock: since then Temporal knows of it
    Column("seen_action", BigInteger, nullable=False, server_default=text("0")),  # of actions: told to its workflow
    _recorded(),
    CheckConstraint("state in ('running', 'ended', 'killed', 'cancelled')", name="state"),
)

# --- imports --------------------------------------------------------------------------------------------------------

imports = Table(
    "imports",
    metadata,
    _id(),
    Column("source", Text, nullable=False),
    Column("digest", Text, nullable=False),  # of the mapping and the files' names, sizes and times or contents
    Column("stage", Text, nullable=False),
    Column("rows_read", BigInteger, nullable=False, server_default=text("0")),
    Column("rows_taken", BigInteger, nullable=False, server_default=text("0")),
    Column("rows_refused", BigInteger, nullable=False, server_default=text("0")),
    Column("amount", Numeric),
    _instant("started_at", required=True),
    _instant("finished_at"),
    UniqueConstraint("digest", "stage"),
)

# --- the columnar mirror --------------------------------------------------------------------------------------------

# Written by triggers of every table that attributes read: whose facts a transaction changed. Only ever appended to, so
# that nobody waits for anybody; a refresh of the mirror takes away what no mirror needs any more.
fact_changes = Table(
    "fact_changes",
    metadata,
    Column("kind", Text, nullable=False),  # of what `id` is: customer, order, message, product, shop, ...; everybody
    Column("id", BigInteger, nullable=False),
    Column("transaction", BigInteger, nullable=False),  # pg_current_xact_id()
)

mirrors = Table(
    "mirrors",
    metadata,
    Column("mirror", Text, primary_key=True),
    Column("generation", BigInteger, nullable=False),
    Column("snapshot", Text, nullable=False),  # pg_snapshot: what the newest refresh saw
    Column("before", Text, nullable=False),  # and the one before it, which is in force if that one did not end
    Column("refreshed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),  # wall clock
)
