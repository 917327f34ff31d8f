"""The shipped notices of parcels on the real servers: two parcels of one order, of which one is lost."""

from tests.workflows.running import engine, mails, until
from tests.workflows.shop import ZENOBIA


async def test_two_parcels_of_which_one_is_lost_are_told_apart(open_shop, namespace, mailbox, shipped_rules):
    shop = open_shop(shipped_rules)
    shop.place()
    shop.pay()
    shop.place("N-0999", "c2", person={**ZENOBIA, "email": "other@example.net"})

    def tell(parcel: str, what: str, order: str = "N-1001", **data: str) -> None:
        shop.tell(shop.event(f"shipment.{what}", order, data={"shipment": parcel, **data}))

    def sent(step: str) -> list[str]:
        query = """select s.key from messages m join journeys j on j.id = m.journey_id
                     join shipments s on s.id = j.subject_id
                    where j.playbook = 'shipment-notice' and m.step = %s and m.state = 'sent' order by 1"""
        return [row["key"] for row in shop.rows(query, step)]

    async with engine(shop, namespace, mailbox) as running:
        tell("A", "shipped", carrier="Swift", tracking="SW-A")
        tell("B", "shipped", carrier="Swift", tracking="SW-B")
        await until(lambda: sent("shipped") == ["A", "B"], "both parcels to be announced")
        tell("A", "out_for_delivery")
        tell("B", "lost")
        await until(lambda: sent("arriving") == ["A"] and sent("lost") == ["B"], "what becomes of each")
        tell("A", "delivered")
        for row in shop.rows("select workflow_id from journeys where playbook = 'shipment-notice' order by id"):
            await until(lambda name=row["workflow_id"]: running.closed(name), "the end of both journeys")
    assert sent("delivered") == ["A"]
    assert [(task, team) for task, team, _ in shop.tasks()] == [("trace", "logistics")]
    numbers = [row["id"] for row in shop.rows("select id from shipments order by key")]
    assert [each for each in shop.journeys() if each[0].startswith("shipment-notice")] == [
        (f"shipment-notice/shipment-{number}/1", "ended", "ended") for number in numbers
    ]
    texts = {str(mail["Subject"]): mail.get_body(("plain",)).get_content() for mail in mails(mailbox)}
    assert "Your first parcel from Main is on its way" in texts
    assert "SW-A" in texts["Order N-1001: your parcel arrives today"]
    assert "SW-B" in texts["Order N-1001: we are sorry, a parcel was lost"]
