"""The same by a good developer with DuckDB: one statement for all values, and memberships out of its result.

Over 250 lines: sixty attributes and fifty rules are as long as that. Ties between lines of one instant are decided by
their key, divisions are exact and rounded half even, and money in another currency is unknown: as the rules say it.
"""

from pathlib import Path

import duckdb

from bench.at_scale.result import Result

_DAY = 86_400_000_000

MACROS = """
create temp macro half_even(s, n) as
    s // n + if(2 * (s % n) > n or (2 * (s % n) = n and (s // n) % 2 = 1), 1, 0);
create temp macro two_digits(s, n) as if(n = 0, null, half_even(100 * s, n)::decimal(18, 2) / 100)::decimal(18, 2);
create temp macro known_sum(total, n) as if(n = 0, 0, total);
"""
"""`//` and `%` agree for what is not negative, and nothing here is."""

STATEMENT = """
create table everybody as
with line as not materialized (
    select customer, "@at" as happened, ("@at", "@key") as place, number, product, category, channel, quantity,
        repurchase_days, launched_at, discounted,
        if(currency = 'EUR', amount, null) as amount, if(currency = 'EUR', discount, null) as discount,
        if(currency = 'EUR', unit_price, null) as unit_price,
        if(delivered_at <= $at, delivered_at, null) as delivered,
        coalesce(cancelled_at <= $at, false) as cancelled,
        coalesce(paid_at <= $at, false) as has_paid, counts,
        has_paid and counts and not cancelled as paid,
        paid and happened > $at - 7 * $day as paid_7, paid and happened > $at - 30 * $day as paid_30,
        paid and happened > $at - 90 * $day as paid_90, paid and happened > $at - 180 * $day as paid_180,
        paid and happened > $at - 365 * $day as paid_365, paid and happened > $at - 730 * $day as paid_730,
        coalesce(channel in ('deal', 'coupon'), false) as deal,
        coalesce((happened - launched_at) >= 0 and happened - launched_at < 14 * $day, false) as new_arrival
    from read_parquet($lines)
    where "@at" <= $at
), summed as (
    select customer,
        count(*) filter (paid_7) as lines_7d, count(*) filter (paid_30) as lines_30d,
        count(*) filter (paid_90) as lines_90d, count(*) filter (paid_180) as lines_180d,
        count(*) filter (paid_365) as lines_365d, count(*) filter (paid_730) as lines_730d,
        count(*) filter (paid) as lines_ever,
        known_sum(sum(amount) filter (paid_7), count(*) filter (paid_7)) as spend_7d,
        known_sum(sum(amount) filter (paid_30), count(*) filter (paid_30)) as spend_30d,
        known_sum(sum(amount) filter (paid_90), count(*) filter (paid_90)) as spend_90d,
        known_sum(sum(amount) filter (paid_180), count(*) filter (paid_180)) as spend_180d,
        known_sum(sum(amount) filter (paid_365), count(*) filter (paid_365)) as spend_365d,
        known_sum(sum(amount) filter (paid_730), count(*) filter (paid_730)) as spend_730d,
        known_sum(sum(amount) filter (paid), count(*) filter (paid)) as spend_ever,
        coalesce(sum(quantity) filter (paid_365), 0) as pieces_365d,
        known_sum(sum(amount) filter (paid_365 and category = 'shoes'),
            count(*) filter (paid_365 and category = 'shoes')) as shoes_spend_365d,
        count(*) filter (paid and category = 'shoes') as shoes_lines,
        ($at - max(happened) filter (paid and category = 'shoes')) // $day as days_since_shoes,
        known_sum(sum(amount) filter (paid_365 and category = 'bags'),
            count(*) filter (paid_365 and category = 'bags')) as bags_spend_365d,
        count(*) filter (paid and category = 'bags') as bags_lines,
        ($at - max(happened) filter (paid and category = 'bags')) // $day as days_since_bags,
        known_sum(sum(amount) filter (paid_365 and category = 'toys'),
            count(*) filter (paid_365 and category = 'toys')) as toys_spend_365d,
        count(*) filter (paid and category = 'toys') as toys_lines,
        ($at - max(happened) filter (paid and category = 'toys')) // $day as days_since_toys,
        known_sum(sum(amount) filter (paid_365 and category = 'books'),
            count(*) filter (paid_365 and category = 'books')) as books_spend_365d,
        count(*) filter (paid and category = 'books') as books_lines,
        ($at - max(happened) filter (paid and category = 'books')) // $day as days_since_books,
        arg_max(category, place) filter (paid) as last_category,
        arg_max(channel, place) as last_channel,
        arg_max(repurchase_days, place) filter (paid) as last_repurchase_days,
        arg_max(category, (delivered, place[2])) filter (paid and delivered is not null) as last_delivered_category,
        arg_min(channel, place) as first_channel,
        max(happened) filter (paid) as last_line_at,
        ($at - min(happened) filter (paid)) // $day as days_since_first_line,
        ($at - max(delivered)) // $day as days_since_last_delivery,
        ($at - max(happened) filter (paid and repurchase_days is not null)) // $day as days_since_repurchasable,
        two_digits(count(*) filter (paid and discounted), lines_ever) as discounted_share,
        two_digits(count(*) filter (paid_365 and discounted), lines_365d) as discounted_share_365d,
        two_digits(count(*) filter (paid and deal), lines_ever) as deal_share,
        two_digits(count(*) filter (paid and new_arrival),
            count(*) filter (paid and launched_at is not null)) as new_arrival_share,
        two_digits(count(*) filter (cancelled), count(*)) as cancelled_share,
        count(*) filter (paid_365 and new_arrival) as new_arrivals_365d,
        known_sum(sum(discount) filter (paid_365 and discounted),
            count(*) filter (paid_365 and discounted)) as discount_365d,
        known_sum(sum(discount) filter (paid and discounted), count(*) filter (paid and discounted)) as discount_ever,
        sum(unit_price) filter (paid) as prices, count(unit_price) filter (paid) as priced,
        sum(quantity) filter (paid_365) as quantities, count(quantity) filter (paid_365) as quantified,
        max(unit_price) filter (paid) as highest_unit_price, min(unit_price) filter (paid) as lowest_unit_price,
        count(*) filter (not has_paid and not cancelled and counts and happened > $at - 30 * $day) as unpaid_lines_30d,
        count(*) filter (paid_90 and deal) > 0 as bought_by_deal_90d
    from line
    group by customer
), by_order as (
    select customer, count(*) as orders_730d
    from (select distinct customer, number from line where paid_730) group by customer
), by_product as (
    select customer, count(*) as products_365d
    from (select distinct customer, product from line where paid_365 and product is not null) group by customer
), by_channel as (
    select customer, list(channel) as channels
    from (select distinct customer, channel from line where paid and channel is not null) group by customer
), by_category as (
    select customer, count(*) as categories_bought, list(category) filter (lately) as categories_365d
    from (select customer, category, bool_or(paid_365) as lately from line where paid and category is not null
        group by customer, category)
    group by customer
), valued as (
    select customer,
        coalesce(lines_7d, 0) as lines_7d, coalesce(lines_30d, 0) as lines_30d, coalesce(lines_90d, 0) as lines_90d,
        coalesce(lines_180d, 0) as lines_180d, coalesce(lines_365d, 0) as lines_365d,
        coalesce(lines_730d, 0) as lines_730d, coalesce(summed.lines_ever, 0) as lines_ever,
        if(lines_ever is null, 0, spend_7d) as spend_7d, if(lines_ever is null, 0, spend_30d) as spend_30d,
        if(lines_ever is null, 0, spend_90d) as spend_90d, if(lines_ever is null, 0, spend_180d) as spend_180d,
        if(lines_ever is null, 0, spend_365d) as spend_365d, if(lines_ever is null, 0, spend_730d) as spend_730d,
        if(lines_ever is null, 0, spend_ever) as spend_ever,
        coalesce(pieces_365d, 0) as pieces_365d, coalesce(orders_730d, 0) as orders_730d,
        if(lines_ever is null, 0, shoes_spend_365d) as shoes_spend_365d, coalesce(shoes_lines, 0) as shoes_lines,
        days_since_shoes,
        if(lines_ever is null, 0, bags_spend_365d) as bags_spend_365d, coalesce(bags_lines, 0) as bags_lines,
        days_since_bags,
        if(lines_ever is null, 0, toys_spend_365d) as toys_spend_365d, coalesce(toys_lines, 0) as toys_lines,
        days_since_toys,
        if(lines_ever is null, 0, books_spend_365d) as books_spend_365d, coalesce(books_lines, 0) as books_lines,
        days_since_books,
        coalesce(list_sort(categories_365d), []) as categories_365d,
        coalesce(categories_bought, 0) as categories_bought, coalesce(products_365d, 0) as products_365d,
        coalesce(list_sort(channels), []) as channels,
        last_category, last_channel, last_repurchase_days, last_delivered_category, first_channel,
        ($at - last_line_at) // $day as days_since_last_line, days_since_first_line, days_since_last_delivery,
        days_since_repurchasable, two_digits(days_since_repurchasable, last_repurchase_days) as repurchase_ratio,
        last_line_at, discounted_share, discounted_share_365d, deal_share, new_arrival_share, cancelled_share,
        coalesce(new_arrivals_365d, 0) as new_arrivals_365d,
        if(lines_ever is null, 0, discount_365d) as discount_365d,
        if(lines_ever is null, 0, discount_ever) as discount_ever,
        if(priced = 0, null, half_even(prices, priced)) as average_unit_price,
        if(quantified = 0, null, half_even(10 * quantities, quantified)::decimal(18, 1) / 10)::decimal(18, 1)
            as average_pieces_365d,
        highest_unit_price, lowest_unit_price, coalesce(unpaid_lines_30d, 0) as unpaid_lines_30d,
        coalesce(bought_by_deal_90d, false) as bought_by_deal_90d, coalesce(summed.lines_ever, 0) = 0 as never_paid,
        if(summed.lines_ever = 0, null, half_even(spend_ever, summed.lines_ever)) as average_line,
        if(spend_ever = 0, null, two_digits(discount_ever, spend_ever)) as discount_ratio
    from read_parquet($people) left join summed using (customer) left join by_order using (customer)
        left join by_product using (customer) left join by_channel using (customer)
        left join by_category using (customer)
), split as (
    select median(days_since_last_line) as median_days, median(spend_730d) as median_spend,
        greatest(count(*) - 1, 1) as others, greatest(count(spend_730d) - 1, 1) as spenders
    from valued where orders_730d >= 1
), ranked as (
    select customer, orders_730d >= 2 as frequent, days_since_last_line <= median_days as recent,
        spend_730d >= median_spend as valuable,
        least(5, 1 + 5 * (rank() over (order by days_since_last_line desc) - 1) // others) as rfm_recency,
        least(5, 1 + 5 * (rank() over (order by orders_730d) - 1) // others) as rfm_frequency,
        least(5, 1 + 5 * (rank() over (order by spend_730d nulls last) - 1) // spenders) as rfm_monetary
    from valued, split where orders_730d >= 1
), grouped as (
    select valued.*,
        case when valuable then case when recent then if(frequent, 'key-value', 'key-develop')
                else if(frequent, 'key-keep', 'key-retain') end
            when not valuable then case when recent then if(frequent, 'potential', 'rfm-new')
                else if(frequent, 'general-keep', 'rfm-lost') end end as rfm_group,
        if(spend_730d is null, null, rfm_recency) as rfm_recency,
        if(spend_730d is null, null, rfm_frequency) as rfm_frequency,
        if(spend_730d is null, null, rfm_monetary) as rfm_monetary
    from valued left join ranked using (customer)
), tagged as (
    select *,
        coalesce(orders_730d >= 2, false) as t_returning,
        coalesce(lines_365d >= 8 and orders_730d >= 4, false) as t_loyal,
        coalesce(days_since_first_line < 30, false) as t_fresh,
        lines_30d >= 1 or coalesce(days_since_last_delivery < 14, false) as "t_active-lately",
        coalesce(days_since_last_line >= 90 and days_since_last_line < 180, false) and lines_365d >= 2 as "t_at-risk",
        coalesce(deal_share >= 0.5, false) or coalesce(discounted_share >= 0.7, false) as "t_deal-hunter",
        coalesce(discounted_share = 0, false) and lines_ever >= 3 as "t_full-price",
        coalesce(average_unit_price >= 8000, false) and lines_ever >= 2 as "t_high-end",
        coalesce(highest_unit_price < 4000, false) as t_bargain,
        new_arrivals_365d >= 2 and coalesce(new_arrival_share >= 0.25, false) as "t_new-arrival-lover",
        shoes_lines >= 3 and coalesce(days_since_shoes < 365, false) as "t_shoe-lover",
        bags_lines >= 3 and coalesce(days_since_bags < 365, false) as "t_bag-lover",
        categories_bought >= 5 as t_explorer,
        categories_bought = 1 and lines_ever >= 3 as "t_one-category",
        coalesce(cancelled_share > 0.25, false) as t_cancels,
        unpaid_lines_30d >= 1 as "t_waits-to-pay",
        (t_loyal or "t_high-end") and coalesce(spend_365d >= 20000, false) as t_valued,
        ("t_deal-hunter" or t_bargain) and not "t_high-end" as "t_price-driven",
        t_returning and "t_at-risk" as t_slipping,
        coalesce(rfm_group = 'key-value', false) and t_valued as t_champion
    from grouped
)
select *,
    coalesce(never_paid, false) as "s_prospects",
    coalesce(days_since_first_line < 30 and lines_30d >= 1, false) as "s_new-month",
    coalesce(orders_730d = 1 and days_since_last_line >= 14 and days_since_last_line < 60, false)
        as "s_second-order-due",
    coalesce(days_since_last_line >= 90 and days_since_last_line < 180, false) as "s_sleeping",
    coalesce(days_since_last_line >= 180 and days_since_last_line < 365, false) as "s_pre-churn",
    coalesce(days_since_last_line >= 365, false) as "s_lost",
    coalesce(days_since_last_line >= 90 and days_since_last_line < 365 and spend_730d >= 30000, false)
        as "s_dormant-high-value",
    coalesce(spend_7d >= 10000, false) as "s_big-week",
    coalesce(spend_30d >= 15000, false) as "s_big-month",
    coalesce(lines_90d >= 3 and lines_180d >= 5, false) as "s_quarter-regulars",
    coalesce(lines_90d = 0 and lines_365d >= 3, false) as "s_gone-quiet",
    coalesce(spend_90d >= 8000 and spend_180d < 20000, false) as "s_growing",
    coalesce(days_since_shoes < 60 and shoes_spend_365d >= 10000, false) as "s_shoes-now",
    coalesce(days_since_bags >= 180 and bags_spend_365d > 0, false) as "s_bags-again",
    coalesce(toys_spend_365d >= 5000 and days_since_toys < 120, false) as "s_toys-gifts",
    coalesce(list_contains(categories_365d, 'shoes') and not list_contains(categories_365d, 'bags'), false)
        as "s_shoes-not-bags",
    coalesce(list_contains(categories_365d, 'shoes') and list_contains(categories_365d, 'care'), false)
        as "s_shoes-and-care",
    coalesce(last_category in ('shoes', 'boots') and days_since_last_line < 45, false) as "s_last-was-shoes",
    coalesce(first_channel = 'ad' and orders_730d >= 2, false) as "s_came-by-ad",
    coalesce(first_channel = 'ad' and last_channel = 'mail', false) as "s_ad-to-mail",
    coalesce(list_has_all(channels, ['ad', 'mail', 'search']), false) as "s_many-channels",
    coalesce(repurchase_ratio >= 1 and repurchase_ratio < 1.5, false) as "s_repurchase-due",
    coalesce(days_since_last_delivery < 7 and unpaid_lines_30d = 0, false) as "s_never-late",
    coalesce(bought_by_deal_90d and discount_365d >= 1000, false) as "s_deal-of-quarter",
    coalesce(discount_ratio >= 0.1 and discounted_share_365d >= 0.5, false) as "s_discount-eaters",
    coalesce(average_pieces_365d >= 2 and products_365d >= 4, false) as "s_wide-baskets",
    coalesce(rfm_group in ('key-value', 'key-keep', 'key-develop') and rfm_monetary >= 4, false) as "s_key-customers",
    coalesce(rfm_group in ('key-keep', 'key-retain') and not t_cancels, false) as "s_recall",
    coalesce(t_slipping and (coalesce(spend_365d >= 10000, false) or coalesce(average_line >= 5000, false)), false)
        as "s_win-back",
    coalesce(lines_730d = 0 and not never_paid, false) as "s_unloved"
from tagged
"""

TAGS = (
    "returning",
    "loyal",
    "fresh",
    "active-lately",
    "at-risk",
    "deal-hunter",
    "full-price",
    "high-end",
    "bargain",
    "new-arrival-lover",
    "shoe-lover",
    "bag-lover",
    "explorer",
    "one-category",
    "cancels",
    "waits-to-pay",
    "valued",
    "price-driven",
    "slipping",
    "champion",
)
SEGMENTS = (
    "prospects",
    "new-month",
    "second-order-due",
    "sleeping",
    "pre-churn",
    "lost",
    "dormant-high-value",
    "big-week",
    "big-month",
    "quarter-regulars",
    "gone-quiet",
    "growing",
    "shoes-now",
    "bags-again",
    "toys-gifts",
    "shoes-not-bags",
    "shoes-and-care",
    "last-was-shoes",
    "came-by-ad",
    "ad-to-mail",
    "many-channels",
    "repurchase-due",
    "never-late",
    "deal-of-quarter",
    "discount-eaters",
    "wide-baskets",
    "key-customers",
    "recall",
    "win-back",
    "unloved",
)
MEMBERS = "create table members as " + " union all ".join(
    f"select customer, '{kind}' as kind, '{name}' as name from everybody where \"{kind[0]}_{name}\""
    for kind, names in (("tag", TAGS), ("segment", SEGMENTS))
    for name in names
)
"""Each rule's people from its own column: only the two columns are read."""

ONE_SEGMENT = """
create table edited as
with line as not materialized (
    select customer, "@at" as happened, if(currency = 'EUR', amount, null) as amount
    from read_parquet($lines)
    where "@at" <= $at and paid_at <= $at and counts and (cancelled_at is null or cancelled_at > $at)
), summed as (
    select customer, ($at - max(happened)) // $day as days_since_last_line,
        sum(amount) filter (happened > $at - 730 * $day) as spend_730d
    from line group by customer
)
select customer, coalesce(days_since_last_line >= 90 and days_since_last_line < 365 and spend_730d >= 30000, false)
    as before, coalesce(days_since_last_line >= 60 and days_since_last_line < 365 and spend_730d >= 30000, false) as now
from summed where before <> now
"""
"""Who enters and leaves when `dormant-high-value` begins at 60 days and not at 90."""


def connect(spill: Path, memory: str = "2GB") -> duckdb.DuckDBPyConnection:
    """A connection in memory with the same bounds as the product's."""
    connection = duckdb.connect()
    connection.execute(f"set memory_limit = '{memory}'; set temp_directory = '{spill}'; set threads = 2")
    connection.execute("set preserve_insertion_order = false")
    return connection


def evaluate(connection: duckdb.DuckDBPyConnection, directory: Path, at: int) -> None:
    """All attributes, RFM and memberships, in the tables `everybody` and `members`."""
    connection.execute(MACROS)
    connection.execute(STATEMENT, _parameters(directory, at) | {"people": str(directory / "people.parquet")})
    connection.execute(MEMBERS)


def edited(connection: duckdb.DuckDBPyConnection, directory: Path, at: int) -> None:
    """What one edited segment changes, in the table `edited`."""
    connection.execute(ONE_SEGMENT, _parameters(directory, at))


def _parameters(directory: Path, at: int) -> dict[str, object]:
    return {"at": at, "day": _DAY, "lines": str(directory / "lines.parquet")}


def result(connection: duckdb.DuckDBPyConnection) -> Result:
    """What was found, for comparing."""
    values = connection.sql(
        "select columns(lambda name: name[2] <> '_') from everybody order by customer"
    ).to_arrow_table()
    members = connection.sql("select customer, kind, name from members").fetchall()
    return Result(values.to_pylist(), frozenset(members))
