"""All customers at once, in two processes over a real database."""

from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from engine.dispatch.accept import accept
from engine.evaluation.run import Asked, Result, evaluate
from engine.evaluation.work import Order, Work
from engine.facts.importing.final import bump_customers
from engine.facts.pool import connect
from tests.facts.intake.telling import placed, progressed
from tests.facts.shop import Shop, put, utc
from tests.olist.test_replay import regulars
from tests.standing.conftest import matching, with_standing
from tests.standing.shop_rules import RULES

NOW = utc("2026-01-01T10:00")
PEOPLE = 25


@pytest.fixture
def crowd(connection: psycopg.Connection, shop: Shop) -> list[int]:
    """Customers, of whom each has one order more and spent more than the one before; the first has none."""
    people = [shop.customer]
    for person in range(1, PEOPLE):
        shop.customer = put(connection, "customers", key=f"p{person:02}")
        people.append(shop.customer)
        for number in range(min(person, 3)):
            order = shop.order(
                f"{person}-{number}", f"2025-12-{number + 1:02}T10:00", paid_at=f"2025-12-{number + 1:02}T11:00"
            )
            shop.payment(order, 100 * person)
    connection.commit()
    return people


def run(database: str, rules, now: datetime = NOW, **asked) -> Result:
    return evaluate(Asked(database, rules, now, now, **{"write": True, **asked}))


def rows(connection, query: str, *values):
    found = connection.execute(query, values).fetchall()
    connection.commit()
    return found


def counted(connection):
    return rows(connection, "select cause, count(*) from standing_changes group by 1 order by 1")


def test_the_first_evaluation_is_a_baseline_that_starts_nothing(connection, database, crowd, rules):
    result = run(database, rules)
    assert result.tally.customers == PEOPLE
    assert [cause for cause, _ in counted(connection)] == ["baseline"]
    assert rows(connection, "select count(*) from journeys") == [(0,)]
    assert result.tally.sizes["tag", "returning"] == PEOPLE - 2
    assert result.tally.sizes["stage", "prospect"] == 1
    tiers = {name: result.tally.sizes["tier", name] for name in ("supreme", "vip", "senior", "ordinary")}
    assert tiers == {"supreme": 3, "vip": 3, "senior": 6, "ordinary": 13}


def test_the_same_again_changes_nothing(connection, database, crowd, rules):
    run(database, rules)
    before = counted(connection)
    again = run(database, rules)
    assert counted(connection) == before
    assert not again.tally.changes
    assert rows(connection, "select count(*) from cut_offs") == [(2,)]


def test_start_existing_starts_journeys_of_those_who_are_there_already(connection, database, crowd, rules):
    result = run(database, rules, start_existing=True)
    assert result.journeys == PEOPLE - 2
    started = "select count(*), count(distinct subject_id) from journeys where playbook = 'welcome-back'"
    assert rows(connection, started) == [(PEOPLE - 2, PEOPLE - 2)]
    assert rows(connection, "select kind, count(*) from outbox group by 1") == [("start", PEOPLE - 2)]
    assert run(database, rules, start_existing=True).journeys == 0


def test_new_cut_offs_change_tiers_because_of_the_rules(connection, database, crowd, rules):
    run(database, rules)
    best = rows(connection, "select customer_id from standings where tier = 'supreme' order by 1")
    connection.execute("delete from payments where order_id in (select id from orders where customer_id = any(%s))",
                       ([each for (each,) in best],))  # fmt: skip
    connection.commit()
    result = run(database, rules, NOW + timedelta(hours=1))
    rising = [(before, after, cause) for kind, before, after, cause in result.tally.changes if kind == "tier"]
    assert ("vip", "supreme", "rules") in rising
    # Whoever fell keeps the tier until the review.
    assert {tier for (tier,) in rows(connection, "select tier from standings where customer_id = any(%s)",
                                     [each for (each,) in best])} == {"supreme"}  # fmt: skip


def test_a_new_rule_is_a_baseline_and_the_others_are_not(connection, database, crowd, rules):
    fewer = with_standing(RULES.model_copy(update={"tags": RULES.tags[1:], "segments": RULES.segments[:2]}), "v0")
    run(database, fewer, NOW - timedelta(days=40))
    # The evaluation knows earlier versions by what is published: these have no files, so all would be new.
    matching(connection, rules)
    connection.commit()
    with connect(database) as other:
        work = Work(other, Order(rules, "EUR", NOW, NOW, write=True))
        work._standings.versions.compiled["v0"] = fewer
        published = work._standings.published(connection)
        connection.commit()
        tally = work.judge(crowd, published)
    causes = {(kind, after): cause for kind, _, after, cause in tally.changes}
    assert causes["tag", "returning"] == "baseline"
    assert causes["stage", "active"] == "flip"


def test_whoever_changes_between_reading_and_writing_is_judged_again(connection, database, crowd, rules):
    matcher = matching(connection, rules)
    connection.commit()

    class Interrupted(Work):
        """An order is paid just after the facts were read."""

        interrupted = False

        def _read(self, ids):
            found = super()._read(ids)
            if not self.interrupted:
                self.interrupted = True
                accept(connection, matcher, placed("late", "ana", at=NOW), NOW)
                accept(connection, matcher, progressed("paid", "late", at=NOW), NOW)
                connection.commit()
            return found

    with connect(database) as other:
        tally = Interrupted(other, Order(rules, "EUR", NOW, NOW, write=True)).judge(crowd, None)
    assert tally.again == 1
    stage = """select stage, c.fact_version = s.fact_version from standings s
                 join customers c on c.id = customer_id where c.id = %s"""
    assert rows(connection, stage, crowd[0]) == [("new", True)]


def test_what_an_import_brings_is_a_baseline_in_the_next_evaluation(connection, database, shop, crowd, rules):
    run(database, rules)
    shop.customer = crowd[0]
    for number in ("a", "b"):
        shop.order(number, "2025-12-30T10:00", paid_at="2025-12-30T10:00")
    connection.execute("create temporary table changed_orders as select id from orders where number in ('a', 'b')")
    connection.execute(
        "create temporary table changed_customers (id bigint); create temporary table new_customers (id bigint);"
        "create temporary table changed_products (id bigint)"
    )
    bump_customers(connection)
    connection.commit()
    result = run(database, rules, NOW + timedelta(hours=1))
    causes = {cause for *_, cause in result.tally.changes}
    assert ("tag", None, "returning", "baseline") in result.tally.changes
    assert causes <= {"baseline", "rules"}
    assert result.journeys == 0


def test_an_evaluation_as_of_a_past_instant_writes_nothing(connection, database, crowd, rules):
    result = run(database, rules, utc("2025-12-01T12:00"), write=False)
    assert result.tally.sizes["stage", "new"] == PEOPLE - 1
    for table in ("standings", "standing_changes", "cut_offs", "rule_versions", "journeys", "outbox"):
        assert rows(connection, f"select count(*) from {table}") == [(0,)]


def test_one_process_and_many_chunks_find_the_same(connection, database, crowd, rules):
    wide = run(database, rules, write=False)
    narrow = run(database, rules, chunk=4)
    assert (wide.tally.sizes, wide.cut_offs) == (narrow.tally.sizes, narrow.cut_offs)
    assert rows(connection, "select count(*) from standings") == [(PEOPLE,)]


def test_a_shop_without_customers_is_evaluated(database, rules):
    result = run(database, rules)
    assert result.tally.customers == 0
    assert result.cut_offs.tiers == (None, None, None)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "rules").symlink_to(Path("rules").absolute())
    (tmp_path / "regulars.toml").write_text('[project]\nrules = "rules"\n')
    return tmp_path


def test_the_command_prints_sizes_changes_time_and_memory(database, connection, crowd, project):
    told = regulars(project, database, "evaluate")
    assert f"{PEOPLE} customers, " in told
    assert "0 journeys started" in told
    assert "MiB" in told
    assert "baseline" in told
    past = regulars(project, database, "evaluate", "--as-of", "2025-12-24")
    assert "standing as of 2025-12-23 23:00:00 UTC" in past  # midnight in the shop's zone
    assert "nothing written" in past


@pytest.mark.parametrize(
    ("options", "expected"),
    [(["--as-of", "2999-01-01"], "lies ahead"), (["--as-of", "yesterday"], "expected a date such as")],
)
def test_an_instant_that_is_none_or_lies_ahead_is_refused(database, crowd, project, options, expected):
    with pytest.raises(AssertionError, match=expected):
        regulars(project, database, "evaluate", *options)
