"""A playbook gives tags and takes them, on the real servers."""

from dataclasses import replace

from engine.dispatch.hand_tags import TagChange, change
from tests.replay.scenes import TAGGING, TAGS, Stage, tags_given_and_taken
from tests.workflows.rules import make_rules

HELD = "select tag, author, expires_at - at as kept, removed_by from hand_tags order by tag"


async def test_a_playbook_gives_tags_that_expire_and_takes_them_under_its_name(open_shop, namespace, mailbox):
    running = await tags_given_and_taken(Stage(open_shop, namespace, mailbox.directory))
    shop = running.shop
    author = "playbook payment-reminder"
    found = [(row["tag"], row["author"], row["kept"].days, row["removed_by"]) for row in shop.rows(HELD)]
    assert found == [("guest", author, 30, author), ("warm", author, 30, None)]
    assert shop.row("select tags from standings")["tags"] == ["warm"]
    assert shop.journeys()[0][1:] == ("ended", "ended")


def test_tags_that_are_asked_for_again_change_nothing(open_shop):
    shop = open_shop(make_rules(TAGGING, tags=TAGS))
    shop.place()
    customer, at = shop.row("select id, recorded_at from customers").values()
    asked = TagChange(("warm",), (), "playbook payment-reminder", at)
    with shop.pool.connection() as connection:
        first = change(connection, shop.matcher, customer, asked, at)
        again = change(connection, shop.matcher, customer, asked, at)
        taken = change(connection, shop.matcher, customer, replace(asked, add=(), remove=("warm",)), at)
        late = change(connection, shop.matcher, customer, asked, at)
    assert (len(first), again, len(taken), late) == (1, (), 1, ())
    assert len(shop.rows(HELD)) == 1
