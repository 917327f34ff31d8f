"""A running worker goes along with the rules in force, and one that is started judges by them."""

import pytest

from engine.dispatch.in_force import last
from tests.commands import regulars
from tests.projects import write_project
from tests.serving.test_worker import placed
from tests.serving.worker import lines, serving_worker
from tests.workflows.fixtures import namespace, namespaces
from tests.workflows.rules import REMIND_AT_ONCE, make_rules
from tests.workflows.running import until
from tests.workflows.shop import Shop

__all__ = ["namespace", "namespaces"]

pytestmark = pytest.mark.timeout(300)  # processes, each as slow to start as the machine is busy

RULES = make_rules(REMIND_AT_ONCE)
WORDED = "Subject: Other words\n\nOther words.\n"


def versions(shop: Shop) -> dict[str, str]:
    query = "select o.number, j.version from journeys j join orders o on o.id = j.order_id"
    return {row["number"]: row["version"] for row in shop.rows(query)}


def sent(shop: Shop) -> set[str]:
    query = """select o.number from messages m join journeys j on j.id = m.journey_id
                 join orders o on o.id = j.order_id where m.state = 'sent'"""
    return {row["number"] for row in shop.rows(query)}


@pytest.fixture
def shop(database):
    shop = Shop(database, RULES)
    yield shop
    shop.close()


async def test_a_running_worker_takes_up_what_is_applied_and_rolled_back_without_a_restart(
    shop, namespace, tmp_path
) -> None:
    project, told = tmp_path / "project", {"REGULARS_DATABASE_URL": shop.url, "TEMPORAL_NAMESPACE": namespace}
    async with serving_worker(project, RULES, **told) as serving:
        process = serving.worker.running[-1]
        assert (await serving.tell(placed(shop, "N-1")))["accepted"] == 1
        await until(lambda: "N-1" in sent(shop), "the message by the first rules", seconds=60)

        write_project(project, {**RULES.files, "templates/reminder.en.txt": WORDED})
        regulars("apply", "--yes", "--by", "ada", project=project, database=shop.url)
        with shop.pool.connection() as connection:
            row = last(connection)
        assert row.version != RULES.version
        assert (await serving.tell(placed(shop, "N-2", "c2")))["accepted"] == 1
        await until(lambda: "N-2" in sent(shop), "the message by the rules applied", seconds=60)
        mails = [each.read_text() for each in (project / "mailbox").iterdir()]
        assert sum("Other words" in each for each in mails) == 1

        regulars("rollback", RULES.version[:8], "--yes", project=project, database=shop.url)
        assert (await serving.tell(placed(shop, "N-3", "c3")))["accepted"] == 1
        await until(lambda: "N-3" in sent(shop), "the message by the rules of before", seconds=60)
        assert versions(shop) == {"N-1": RULES.version, "N-2": row.version, "N-3": RULES.version}
        assert process.poll() is None

        # Started again on the edited files it goes by what is in force, and says so.
        process.kill()
        process.wait()
        serving.worker.start()
        await until(lambda: serving.worker.log.count("worker ready") == 2, "the worker", seconds=60)
        [warned] = [line["event"] for line in lines(serving.worker.log) if "files" in line["event"]]
        assert f"the project's files ({row.version}) differ from the rules in force ({RULES.version})" in warned
