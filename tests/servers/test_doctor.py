"""What `regulars doctor` says, as an operator sees it."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import make_url

from engine.facts.migrate import upgrade
from engine.servers.ports import free_port
from tests.projects import write_project
from tests.servers.waiting import run
from tests.workflows.rules import POLICY

_SERVER = os.environ.get("REGULARS_DATABASE_URL")
NOWHERE = "127.0.0.1:1"


@pytest.fixture
def migrated() -> Iterator[str]:
    """A migrated database on the test run's server, which the environment of these tests does not name."""
    assert _SERVER, "no PostgreSQL: run the tests with `make test`"
    name = f"doctor_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(_SERVER, autocommit=True) as admin:
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        url = make_url(_SERVER).set(database=name).render_as_string(hide_password=False)
        upgrade(url)
        yield url
        admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def doctor(project: Path, **environment: str) -> tuple[int, str]:
    done = run("-m", "engine.cli", "doctor", "--project", str(project), **environment)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout + done.stderr


def test_a_project_with_nothing_running_is_well(project: Path) -> None:
    code, said = doctor(project)
    assert code == 0, said
    assert "PostgreSQL    embedded, starts when needed" in said
    assert "Temporal      embedded" in said
    assert "wrong" not in said


def test_running_servers_are_shown_with_version_migration_and_search_attributes(
    project: Path, migrated: str, temporal_address: str
) -> None:
    code, said = doctor(project, REGULARS_DATABASE_URL=migrated, TEMPORAL_ADDRESS=temporal_address)
    assert "REGULARS_DATABASE_URL" in said
    assert ", migrated\n" in said
    assert f"environment configuration, {temporal_address}" in said
    assert "namespace default, retention" in said
    assert code in (0, 3)


def test_a_server_that_cannot_be_reached_is_wrong_and_its_password_is_not_shown(project: Path) -> None:
    url = f"postgresql://ann:geheim@{NOWHERE}/shop"
    code, said = doctor(project, REGULARS_DATABASE_URL=url)
    assert code == 3
    assert "wrong PostgreSQL" in said
    assert "ann:***@" in said
    assert "geheim" not in said


def test_a_temporal_that_cannot_be_reached_is_wrong(project: Path) -> None:
    code, said = doctor(project, TEMPORAL_ADDRESS=f"127.0.0.1:{free_port()}")
    assert code == 3
    assert "wrong Temporal" in said
    assert "1 to put right" in said


def test_an_absent_namespace_is_wrong_and_the_command_is_given(project: Path, temporal_address: str) -> None:
    code, said = doctor(project, TEMPORAL_ADDRESS=temporal_address, TEMPORAL_NAMESPACE="not-there")
    assert code == 3
    assert f"temporal operator namespace create --address {temporal_address} --retention 720h" in said


def test_mistakes_in_the_settings_end_with_their_place(project: Path) -> None:
    (project / "regulars.toml").write_text("[project]\nruls = 'x'\n")
    code, said = doctor(project)
    assert code == 3
    assert f"{project}/regulars.toml:2:1: error[bad-settings]" in said


def test_a_mail_channel_without_its_setting_is_wrong_and_says_which(project: Path) -> None:
    rules = project / "rules"
    rules.mkdir()
    (rules / "policy.yaml").write_text("policy: {channels: {email: {provider: smtp, sender: shop@example.com}}}\n")
    (project / "regulars.toml").write_text("[project]\nrules = 'rules'\n")
    code, said = doctor(project)
    assert code == 3, said
    assert "wrong Channel email REGULARS_SMTP_URL" in said
    code, said = doctor(project, REGULARS_SMTP_URL="smtp://ann:geheim@mail.example:587")
    assert "smtp://ann:***@mail.example:587" in said
    assert "geheim" not in said


def test_channels_over_http_say_what_they_lack_and_whether_they_take_keys(project: Path) -> None:
    rules = project / "rules"
    rules.mkdir()
    (rules / "policy.yaml").write_text(
        "policy:\n  channels:\n    push: {provider: http, request: {body: {a: b}, idempotency_key: true}}\n"
        "    sms: {provider: sms, request: {body: {a: b}}}\n    chat: {provider: http, request: {body: {a: b}}}\n"
    )
    (project / "regulars.toml").write_text("[project]\nrules = 'rules'\n")
    code, said = doctor(
        project,
        REGULARS_HTTP_PUSH_URL="https://push.example.com/?key=geheim",
        REGULARS_HTTP_SMS_URL="https://127.0.0.1/",
    )
    assert code == 3, said
    assert "Channel push  http, push.example.com, takes idempotency keys" in said
    assert "wrong Channel sms   REGULARS_HTTP_SMS_URL: error[http-address-blocked]" in said
    assert "REGULARS_HTTP_CHAT_URL: error[http-url-missing]" in said
    assert "geheim" not in said


WEBHOOKS = """
playbook: tell
title: Tell others
for: order
start: {event: order.paid}
controls: {purpose: service}
steps:
  - webhook: {id: tell, to: crm, body: {what: paid}}
  - if: {order.total: {gte: 10 EUR}}
    then: [{webhook: {id: stock, to: stock-keeping, body: {what: paid}}}]
"""
SECRET, CRM = "REGULARS_WEBHOOK_SECRET", "REGULARS_WEBHOOK_CRM_URL"
STOCK = CRM.replace("CRM", "STOCK_KEEPING")


def webhooks(said: str) -> list[str]:
    """What is said of webhooks."""
    return [line for line in said.splitlines() if "Webhooks" in line]


@pytest.mark.parametrize(
    "missing", [(SECRET, CRM, STOCK), (STOCK,), (SECRET,)], ids=["all", "an address", "the secret"]
)
def test_webhooks_say_which_of_their_settings_are_not_set(project: Path, missing: tuple[str, ...]) -> None:
    write_project(project, {"policy.yaml": POLICY, "playbooks/tell.yaml": WEBHOOKS})
    code, said = doctor(project, **{name: "" if name in missing else "geheim" for name in (SECRET, CRM, STOCK)})
    assert code == 3, said
    assert webhooks(said) == [f"wrong Webhooks      not set: {', '.join(missing)}"]
    assert "docs/providers.md says what they are" in said
    assert "geheim" not in said


def test_webhooks_whose_settings_are_all_set_are_well_and_no_value_is_shown(project: Path) -> None:
    write_project(project, {"policy.yaml": POLICY, "playbooks/tell.yaml": WEBHOOKS})
    set_ = {SECRET: "geheim", CRM: "https://crm.example.com/?key=geheim", STOCK: "https://stock.example.com/geheim"}
    _, said = doctor(project, **set_)
    assert webhooks(said) == [f"ok    Webhooks      set: {SECRET}, {CRM}, {STOCK}"]
    assert "geheim" not in said


def test_where_rules_call_no_webhook_nothing_is_said_of_them(project: Path) -> None:
    write_project(project, {"policy.yaml": POLICY})
    _, said = doctor(project)
    assert webhooks(said) == []


def test_an_absent_rules_directory_is_wrong(project: Path) -> None:
    (project / "regulars.toml").write_text("[project]\nrules = 'elsewhere'\n")
    code, said = doctor(project)
    assert code == 3
    assert "elsewhere" in said
