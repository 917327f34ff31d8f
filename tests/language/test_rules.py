"""All rules of a project together."""

import itertools

import pytest

from engine.language.files import SCHEMAS, read_directory
from engine.language.policy import PolicyModel
from engine.language.rules import compile_rules, content_hash, load_rules
from engine.policy import Channel, Policy, QuietHours
from tests.language.shop import SHOP


def codes(files):
    return [(issue.file, issue.code) for issue in compile_rules(files).issues]


def test_sound_rules_have_no_issues_and_every_plan_has_their_version():
    rules = compile_rules(SHOP)
    assert rules.issues == ()
    assert rules.sound
    assert rules.disabled == ()
    assert len(rules.version) == 16
    assert [plan.version for plan in rules.plans.values()] == [rules.version]
    assert rules.templates["unpaid.en.txt"].endswith("Please pay.")


def test_the_shipped_rules_are_sound():
    rules = load_rules(SCHEMAS.parent / "rules")
    assert rules.issues == ()
    assert "payment-reminder" in rules.plans
    assert len(rules.catalogue) >= 15


def test_no_rules_at_all_are_sound_and_do_nothing():
    rules = compile_rules({})
    assert rules.issues == ()
    assert rules.plans == {}
    assert rules.policy == Policy()


def test_the_version_changes_with_any_text_but_not_with_tests_or_the_order_of_files():
    version = content_hash(SHOP)
    assert content_hash(dict(reversed(SHOP.items()))) == version
    assert content_hash({**SHOP, "playbooks/reminder.test.yaml": "tests: []"}) == version
    for path in SHOP:
        assert content_hash({**SHOP, path: SHOP[path] + "\n"}) != version
        assert content_hash({other: text for other, text in SHOP.items() if other != path}) != version


def test_moving_text_between_files_changes_the_version():
    assert content_hash({"a": "xy", "b": ""}) != content_hash({"a": "x", "b": "y"})


def test_tests_beside_rules_are_no_rules():
    assert codes({**SHOP, "playbooks/reminder.test.yaml": "anything: goes"}) == []


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("segments.yaml", "segments: {}", "RG211"),
        ("rules.yaml", "atributes: {}", "RG213"),
        ("empty.yaml", "", "RG213"),
        ("list.yaml", "- a\n- b", "RG213"),
        ("playbooks/nameless.yaml", "title: No name\n", "RG202"),
        ("templates/odd.en.txt", "a\udcffb", "RG101"),
        ("templates/nul.en.txt", "a\x00b", "RG102"),
        ("policy2.yaml", "policy: {zone: UTC}", "RG309"),
        ("playbooks/second.yaml", SHOP["playbooks/reminder.yaml"], "RG309"),
        ("attributes_more.yaml", "attributes: {country: {title: C, type: string, value: customer.country}}", "RG309"),
        ("attributes_more.yaml", "attributes: {}", "RG211"),
        ("attributes_more.yaml", "attributes: {}\nmore: 1", "RG201"),
    ],
)
def test_a_file_that_does_not_belong_is_told(path, text, expected):
    assert (path, expected) in codes({**SHOP, path: text})


def test_of_two_playbooks_with_one_name_neither_runs():
    rules = compile_rules({**SHOP, "playbooks/again.yaml": SHOP["playbooks/reminder.yaml"]})
    assert rules.plans == {}


def test_a_faulty_policy_stops_every_playbook_rather_than_sending_without_it():
    for text in ("policy: {zone: Nowhere}", "policy: [", "policy:", "{}"):
        rules = compile_rules({**SHOP, "policy.yaml": text})
        assert rules.plans == {}
        assert not rules.sound
        assert "playbook reminder" in rules.disabled
        errors = [issue for issue in rules.issues if issue.severity == "error"]
        assert {issue.file for issue in errors} == {"policy.yaml"}


def test_one_broken_playbook_leaves_the_others_running():
    rules = compile_rules({**SHOP, "playbooks/broken.yaml": "playbook: broken\n"})
    assert list(rules.plans) == ["reminder"]
    assert rules.disabled == ("playbook broken",)


def test_issues_are_sorted_by_file_and_place():
    text = "policy: {zone: Nowhere, locale: klingonisch}"
    issues = compile_rules({"policy.yaml": text, "a.yaml": "b", "attributes.yaml": "attributes: 1"}).issues
    assert [issue.order for issue in issues] == sorted(issue.order for issue in issues)
    assert len(issues) == 4


def test_the_policy_is_read_as_the_engine_uses_it():
    text = """\
policy:
  zone: America/Sao_Paulo
  locale: pt_br
  currency: BRL
  quiet_hours: {start: 21:00, end: 08:00, spread: 30m, exempt: [service]}
  purposes: {service: {consent: opt_out}, marketing: {}}
  channels: {email: {provider: smtp, sender: "Loja <loja@example.com>", in_doubt: resend}}
"""
    rules = compile_rules({"policy.yaml": text})
    assert rules.issues == ()
    policy = rules.policy
    assert (policy.zone, policy.locale, policy.currency) == ("America/Sao_Paulo", "pt-BR", "BRL")
    assert policy.quiet_hours == QuietHours(start="21:00", end="08:00", spread=1800, exempt=("service",))
    assert {name: purpose.consent for name, purpose in policy.purposes.items()} == {
        "service": "opt_out",
        "marketing": "opt_in",
    }
    assert policy.channels == {"email": Channel(provider="smtp", sender="Loja <loja@example.com>", in_doubt="resend")}


def test_every_part_of_the_engines_policy_can_be_written():
    assert set(Policy.model_fields) <= set(PolicyModel.model_fields)


def test_quiet_hours_of_no_length_are_refused():
    text = "policy: {quiet_hours: {start: 08:00, end: 08:00}}"
    assert codes({"policy.yaml": text}) == [("policy.yaml", "RG209")]


def test_attributes_become_declarations():
    text = """\
attributes:
  shoe_spend:
    title: Spend on shoes
    type: money
    description: |
      What was paid for shoes.
    sum: lines.amount
    where: {category: shoes, paid: true}
    within: 12mo
  last_channel: {title: Last channel, type: string, last: orders.channel, by: paid_at}
  channels: {title: Channels, type: integer, unit: channels, distinct: orders.channel}
"""
    rules = compile_rules({"attributes.yaml": text})
    assert rules.issues == ()
    spend = rules.catalogue["shoe_spend"]
    assert (spend.aggregate, spend.of, spend.within_seconds) == ("sum", "lines.amount", 365 * 86400)
    assert spend.description == "What was paid for shoes."
    assert rules.catalogue["last_channel"].by == "paid_at"
    assert rules.catalogue["channels"].type == "integer"


def test_a_ratio_of_a_disabled_attribute_is_disabled_with_it():
    text = """\
attributes:
  orders: {title: Orders, type: integer, count: order}
  spend: {title: Spend, type: money, sum: payments.amount}
  average: {title: Average, type: money, ratio: {of: spend, over: orders}}
  half: {title: Half, type: decimal, scale: 1, ratio: {of: average, over: average}}
"""
    rules = compile_rules({"attributes.yaml": text})
    assert list(rules.catalogue) == ["spend"]
    assert [issue.code for issue in rules.issues if issue.severity == "error"] == ["RG304"]
    assert rules.disabled == ("attribute average", "attribute half", "attribute orders")


def test_a_project_may_bring_contracts_of_its_own_events():
    contract = {"type": "object", "subject": "customer", "properties": {"level": {"type": "string"}}}
    text = (
        "playbook: card\ntitle: Card\nfor: customer\nsteps: [{wait: 1d}]\n"
        "start: {event: loyalty.card_issued, where: {level: gold}}\n"
    )
    files = {**SHOP, "playbooks/reminder.yaml": text}
    assert "RG302" in [issue.code for issue in compile_rules(files).issues]
    assert compile_rules(files, {"loyalty.card_issued": contract}).issues == ()


def test_reading_a_directory_takes_rules_and_templates_only(tmp_path):
    for path in ("a.yaml", "b.yml", "README.md", "templates/x.en.txt", "templates/y.mjml", ".git/c.yaml", "sub/d.yaml"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("a: 1")
    found = read_directory(tmp_path)
    assert sorted(found) == ["a.yaml", "b.yml", "sub/d.yaml", "templates/x.en.txt", "templates/y.mjml"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "latin-1"])
def test_a_file_in_another_encoding_is_an_issue_at_its_first_wrong_byte(tmp_path, encoding):
    (tmp_path / "policy.yaml").write_bytes("policy: {locale: größe}".encode(encoding))
    issues = load_rules(tmp_path).issues
    assert [(issue.code in ("RG101", "RG102"), issue.line) for issue in issues] == [(True, 1)]


def test_a_file_larger_than_a_megabyte_is_not_read_whole(tmp_path):
    (tmp_path / "policy.yaml").write_bytes(b"#" * 3_000_000)
    rules = load_rules(tmp_path)
    assert [issue.code for issue in rules.issues] == ["RG104"]
    assert len(rules.files["policy.yaml"]) <= 1_000_001


def test_the_order_of_files_does_not_matter():
    files = {**SHOP, "attributes_more.yaml": "attributes: {visits: {title: V, type: integer, count: site_events}}"}
    results = {
        (rules.version, rules.issues, tuple(sorted(rules.plans)))
        for order in itertools.islice(itertools.permutations(files.items()), 0, 5000, 997)
        for rules in [compile_rules(dict(order))]
    }
    assert len(results) == 1


def test_a_directory_that_is_not_there_is_no_empty_set_of_rules(tmp_path):
    with pytest.raises(NotADirectoryError):
        load_rules(tmp_path / "rulez")
