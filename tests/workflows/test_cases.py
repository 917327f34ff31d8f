"""The shipped playbooks for complaints on the real servers: escalation while a case is open, then a survey."""

from tests.workflows.running import engine, mails, until


async def test_an_open_complaint_escalates_and_a_closed_one_is_asked_about(
    open_shop, namespace, mailbox, shipped_rules
):
    shop = open_shop(shipped_rules)
    shop.place()
    shop.pay()

    def tell(case: str, what: str, **data: str) -> None:
        shop.tell(shop.event(f"case.{what}", customer="c1", data={"case": case, **data}))

    def sent() -> bool:
        return any(step == "survey" and state == "sent" for step, _, state, _ in shop.messages())

    async with engine(shop, namespace, mailbox):
        tell("K-1", "opened", type="complaint")
        tell("K-2", "opened", type="complaint")
        tell("K-1", "closed")
        await until(shop.tasks, "the first task of the other")
        shop.execute("update tasks set closed_at = now(), closed_by = 'anna' where task = 'answer'")  # and not the case
        await until(lambda: len(shop.tasks()) == 3, "the other's escalation")
        await until(sent, "the survey")
    assert [(task, team) for task, team, _ in shop.tasks()] == [
        ("answer", "support"),
        ("lead", "support-lead"),
        ("manager", "support-manager"),
    ]
    numbers = {row["key"]: row["id"] for row in shop.rows("select key, id from cases")}
    ends = {workflow_id: (state, outcome) for workflow_id, state, outcome in shop.journeys()}
    assert ends[f"complaint-escalation/case-{numbers['K-1']}/1"] == ("stopped", "case.closed")
    assert ends[f"satisfaction-survey/case-{numbers['K-1']}/1"][0] == "ended"
    query = "select t.task from tasks t join journeys j on j.id = t.journey_id where j.subject_id = %s"
    assert shop.rows(query, numbers["K-1"]) == []
    assert [str(mail["Subject"]) for mail in mails(mailbox)] == ["How did we do? One question from Main"]


async def test_a_case_that_is_opened_again_is_asked_about_after_its_last_closing_only(
    open_shop, namespace, mailbox, shipped_rules
):
    shop = open_shop(shipped_rules)
    shop.place()
    shop.pay()

    def tell(what: str, **data: str) -> None:
        shop.tell(shop.event(f"case.{what}", customer="c1", data={"case": "K-1", **data}))

    def journeys(playbook: str) -> list[tuple[str, str | None]]:
        return [(state, outcome) for name, state, outcome in shop.journeys() if name.startswith(playbook)]

    def surveys() -> list[tuple[str, str | None]]:
        return journeys("satisfaction-survey")

    tell("opened", type="complaint")
    tell("closed")
    tell("reopened")
    assert surveys() == [("stopped", "case.reopened")]
    assert journeys("complaint-escalation") == [("stopped", "case.closed"), ("running", None)]
    tell("closed")
    async with engine(shop, namespace, mailbox):
        await until(lambda: [state for state, _ in surveys()] == ["stopped", "ended"], "the second survey's end")
    assert [str(mail["Subject"]) for mail in mails(mailbox)] == ["How did we do? One question from Main"]
    assert journeys("complaint-escalation") == [("stopped", "case.closed"), ("stopped", "case.closed")]
