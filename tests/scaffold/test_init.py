"""`regulars init`: a project that works as it is, and whose README is true."""

import json
import tomllib

import pytest
import yaml
from jsonschema import Draft7Validator

from engine import shipped
from engine.scaffold import project as scaffold
from engine.servers.errors import SetupError
from engine.servers.project import Project


def test_a_new_project_passes_check_and_test(made, regulars):
    checked = regulars("check", cwd=made)
    assert checked.exit_code == 0, checked.output
    assert checked.output.startswith("sound: ")
    tested = regulars("test", cwd=made)
    assert tested.exit_code == 0, tested.output[-2000:]


def test_it_has_all_rules_that_ship_with_tests_and_templates(made):
    shipped = scaffold.shipped_rules()
    wanted = {path.relative_to(shipped) for path in shipped.rglob("*") if path.is_file()}
    there = {path.relative_to(made / "rules") for path in (made / "rules").rglob("*") if path.is_file()}
    assert there == wanted
    assert any(path.name.endswith(".test.yaml") for path in there)


def test_the_first_line_of_every_rule_leads_to_a_schema_of_the_project(made):
    files, named = list((made / "rules").rglob("*.yaml")), set()
    for file in files:
        first = file.read_text("utf-8").split("\n", 1)[0]
        schema = file.parent / first.removeprefix("# yaml-language-server: $schema=")
        assert schema.resolve().parent == made / "schemas" / "rules", file
        assert (schema.name == "test.schema.json") == file.name.endswith(".test.yaml"), file
        named.add(schema.resolve())
    for schema in named:
        Draft7Validator.check_schema(json.loads(schema.read_text("utf-8")))
    assert len(files) > 20


def test_settings_are_those_that_the_comments_name(made):
    text = (made / "regulars.toml").read_text("utf-8")
    assert Project.at(made).rules == made / "rules"
    uncommented = text.replace("# [servers]", "[servers]").replace("# temporal_", "temporal_")
    assert tomllib.loads(uncommented)["servers"] == {"temporal_port": 7233, "temporal_ui_port": 8233}


def test_pull_requests_are_checked_and_tested(made):
    workflow = yaml.safe_load((made / ".github" / "workflows" / "rules.yaml").read_text("utf-8"))
    commands = [step.get("run") for step in workflow["jobs"]["rules"]["steps"]]
    assert commands[-2:] == ["regulars check --format github", "regulars test"]
    hook = yaml.safe_load((made / ".pre-commit-config.yaml").read_text("utf-8"))["repos"][0]["hooks"][0]
    assert hook["entry"] == "regulars check"


def test_nothing_is_left_to_fill_in(made):
    for file in ("README.md", "regulars.toml", "requirements.txt", ".gitignore"):
        assert "@" not in (made / file).read_text("utf-8"), file
    assert (made / "README.md").read_text("utf-8").startswith("# shop\n")
    assert (made / ".gitignore").read_text("utf-8").count(".regulars/\n") == 1


def test_the_first_change_of_the_readme_fails_the_test_it_says(project, regulars):
    file = project / "rules" / "segments" / "audiences.yaml"
    text = file.read_text("utf-8")
    assert text.count("lt: 45}") == 1
    file.write_text(text.replace("lt: 45}", "lt: 60}"), "utf-8")
    tested = regulars("test", "rules/segments/audiences.test.yaml", cwd=project)
    assert tested.exit_code == 1
    assert "not after 45 days" in tested.output


def test_a_directory_in_use_is_refused_and_left_as_it_is(tmp_path, regulars):
    (tmp_path / "notes.txt").write_text("mine")
    refused = regulars("init", ".", cwd=tmp_path)
    assert refused.exit_code == 1
    assert "error[not-empty]: . is not empty: it holds notes.txt" in refused.output
    assert "hint: name a directory that does not exist yet" in refused.output
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_file_in_the_place_of_the_directory_is_refused(tmp_path, regulars):
    (tmp_path / "shop").write_text("mine")
    refused = regulars("init", "shop", cwd=tmp_path)
    assert refused.exit_code == 1
    assert "error[not-a-directory]: shop is a file" in refused.output


def test_a_directory_below_a_file_is_refused(tmp_path, regulars):
    (tmp_path / "file").write_text("mine")
    refused = regulars("init", "file/shop", cwd=tmp_path)
    assert refused.exit_code == 1
    assert "error[not-writable]" in refused.output


def test_a_fresh_repository_is_as_good_as_empty(tmp_path, regulars):
    (tmp_path / ".git").mkdir()
    done = regulars("init", ".", cwd=tmp_path)
    assert done.exit_code == 0
    assert "regulars check" in done.output
    assert (tmp_path / "rules" / "policy.yaml").is_file()


def test_an_installation_without_rules_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, "_CHECKOUT", tmp_path / "packages")
    monkeypatch.setattr(shipped, "_INSTALLED", tmp_path / "data")
    with pytest.raises(SetupError, match="no-shipped-rules"):
        scaffold.create_project(tmp_path / "shop")
    (tmp_path / "data" / "rules").mkdir(parents=True)
    (tmp_path / "data" / "rules" / "policy.yaml").write_text("policy: {}\n")
    assert scaffold.shipped_rules() == tmp_path / "data" / "rules"
