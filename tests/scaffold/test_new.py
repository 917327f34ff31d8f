"""`regulars new`: sound from the first moment, and never over what is there."""

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WRITTEN = {
    "attribute": ("orders_60d", ["attributes/orders_60d.yaml", "attributes/orders_60d.test.yaml"]),
    "segment": ("my-best", ["segments/my-best.yaml", "segments/my-best.test.yaml"]),
    "playbook": (
        "how-was-it",
        [
            "playbooks/how-was-it.yaml",
            "playbooks/how-was-it.test.yaml",
            "templates/how-was-it.en.mjml",
            "templates/how-was-it.en.txt",
        ],
    ),
}
BARE = "policy:\n  zone: Europe/Berlin\n  locale: pt-BR\n  purposes: {news: {consent: opt_in}}\n"


def files_of(project):
    return {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}


@pytest.fixture
def bare(tmp_path):
    """A project with a policy and nothing else."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "regulars.toml").write_text("")
    channels = "  channels: {letters: {provider: mailbox, sender: Shop <shop@example.com>}}\n"
    (tmp_path / "rules" / "policy.yaml").write_text(BARE + channels)
    return tmp_path


def test_one_of_each_kind_is_sound_and_tested(project, regulars):
    for kind, (name, files) in WRITTEN.items():
        done = regulars("new", kind, name, cwd=project)
        assert done.exit_code == 0, done.output
        for file in files:
            assert f"written: rules/{file}\n" in done.output
            assert (project / "rules" / file).is_file()
        assert "Next:\n" in done.output
    checked = regulars("check", cwd=project)
    assert checked.exit_code == 0, checked.output
    assert checked.output.startswith("sound: "), checked.output
    for _, files in WRITTEN.values():
        for file in files[:2]:
            tested = regulars("test", f"rules/{file}", cwd=project)
            assert tested.exit_code == 0, tested.output


@pytest.mark.parametrize("kind", WRITTEN)
def test_in_a_bare_project_it_is_as_sound(bare, regulars, kind):
    done = regulars("new", kind, WRITTEN[kind][0], cwd=bare)
    assert done.exit_code == 0, done.output
    assert regulars("check", cwd=bare).output.startswith("sound: ")
    tested = regulars("test", cwd=bare)
    assert tested.exit_code == 0, tested.output


def test_a_new_playbook_starts_nothing_and_speaks_the_shops_language(bare, regulars):
    regulars("new", "playbook", "how-was-it", cwd=bare)
    playbook = yaml.safe_load((bare / "rules" / "playbooks" / "how-was-it.yaml").read_text("utf-8"))
    assert playbook["status"] == "draft"
    assert playbook["controls"] == {"purpose": "news"}
    assert playbook["steps"][1]["send"]["channel"] == "letters"
    assert (bare / "rules" / "templates" / "how-was-it.pt-BR.txt").is_file()
    assert (bare / "rules" / "templates" / "_layout.mjml").is_file()


def test_without_a_channel_a_playbook_is_refused_with_the_reason(bare, regulars):
    (bare / "rules" / "policy.yaml").write_text(BARE)
    before = files_of(bare)
    refused = regulars("new", "playbook", "how-was-it", cwd=bare)
    assert refused.exit_code == 1
    assert "error[unsound-here]" in refused.output
    assert "RG305" in refused.output
    assert files_of(bare) == before


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        ("attribute", "paid_orders", "error[name-taken]: there is an attribute paid_orders already"),
        ("segment", "second-order-due", "error[name-taken]: there is a segment second-order-due already"),
        ("playbook", "payment-reminder", "error[name-taken]: there is a playbook payment-reminder already"),
        ("segment", "audiences", "audiences.yaml already"),
        ("segment", "My Best", "did you mean my-best?"),
        ("attribute", "../outside", "did you mean outside?"),
        ("attribute", "x" * 61, "error[bad-name]"),
        ("attribute", "tags", "error[unsound-here]"),
        ("attribute", "all", "error[unsound-here]"),
    ],
)
def test_names_that_are_taken_or_unusable_are_refused(made, regulars, kind, name, said):
    before = files_of(made)
    refused = regulars("new", kind, name, cwd=made)
    assert refused.exit_code == 1
    assert said in refused.output
    assert files_of(made) == before


def test_a_name_of_a_rule_with_a_mistake_is_taken_too(bare, regulars):
    (bare / "rules" / "segments.yaml").write_text("segments: {mine: {title: Mine, when: {nothing_known: 1}}}\n")
    refused = regulars("new", "segment", "mine", cwd=bare)
    assert "error[name-taken]" in refused.output


def test_mistakes_that_were_there_before_stop_nothing(bare, regulars):
    (bare / "rules" / "segments.yaml").write_text("segments: {mine: {title: Mine, when: {nothing_known: 1}}}\n")
    assert regulars("new", "segment", "yours", cwd=bare).exit_code == 0


def test_outside_a_project_it_says_so(tmp_path, regulars):
    refused = regulars("new", "segment", "mine", cwd=tmp_path)
    assert refused.exit_code == 3
    assert "error[no-project]" in refused.output


def test_the_pre_commit_hook_checks_all_rules_whatever_file_changed():
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    assert hook["id"] == "regulars-check"
    assert hook["entry"] == "regulars check"
    assert hook["pass_filenames"] is False
