"""Finding activities: whatever one file does, the others are there, and it is named with its line."""

import pytest

from engine.language.rules import load_rules
from engine.own import activity
from engine.own.declare import DeclarationError
from engine.own.load import load

SOUND = '''
from dataclasses import dataclass
from engine.own import Call, activity

@dataclass
class Given:
    points: int

@activity(name="NAME", title="Gives.", idempotency="keyed")
async def give(given: Given, call: Call) -> None:
    """Gives.

    ```yaml
    call: {id: it, activity: NAME, with: {points: 1}}
    ```
    """
'''
OTHER = SOUND.replace("NAME", "other")
BROKEN = {
    "import httpz_of_nobody\n": (1, "ModuleNotFoundError: No module named 'httpz_of_nobody'"),
    "x = 1\ndef f(:\n": (2, "SyntaxError: invalid syntax"),
    "\n\nraise RuntimeError('the secret whsec')\n": (3, "RuntimeError"),
    "import sys\nsys.exit(3)\n": (2, "SystemExit"),
    "x = 1\n": (1, "no activity; expected a function decorated with @activity"),
    OTHER.replace("-> None", "-> int"): (10, "found -> int; expected a pydantic model, a dataclass or None for other"),
    OTHER.replace("```yaml", ""): (10, "found no example; expected a ```yaml block in the docstring of other"),
}


@pytest.fixture
def project(tmp_path):
    (tmp_path / "rules").mkdir()
    (tmp_path / "activities").mkdir()
    (tmp_path / "activities" / "sound.py").write_text(SOUND.replace("NAME", "sound"))
    return tmp_path


@pytest.mark.parametrize("text", BROKEN, ids=lambda text: BROKEN[text][1][:30])
def test_a_file_that_cannot_be_used_is_named_with_its_line_and_the_others_are_there(project, text):
    (project / "activities" / "broken.py").write_text(text)
    loaded = load(project / "activities")
    assert list(loaded.activities) == ["sound"]
    ((failed),) = loaded.failed
    line, why = BROKEN[text]
    assert (failed.file, failed.why) == ("../activities/broken.py", why)
    assert abs(failed.line - line) <= 1
    rules = load_rules(project / "rules")
    assert [(issue.code, issue.file, issue.line) for issue in rules.issues] == [("RG324", failed.file, failed.line)]
    assert "whsec" not in str(rules.issues) + str(rules.files)


def test_a_name_declared_twice_is_told_and_the_first_one_counts(project):
    (project / "activities" / "twice.py").write_text(SOUND.replace("NAME", "sound"))
    loaded = load(project / "activities")
    assert loaded.files == {"sound": "../activities/sound.py"}
    assert "declared again" in loaded.failed[0].why


def test_a_package_and_tests_beside_activities_are_no_activities(project):
    (project / "activities" / "test_sound.py").write_text("raise RuntimeError")
    assert load(project / "activities").failed == ()
    (project / "activities" / "__init__.py").write_text("")
    assert load(project / "activities").activities == {}


def test_a_version_of_the_rules_knows_what_its_activities_take(project):
    before = load_rules(project / "rules")
    (project / "activities" / "sound.py").write_text(SOUND.replace("NAME", "sound").replace("int", "str"))
    assert load_rules(project / "rules").version != before.version


@pytest.mark.parametrize(
    "wrong",
    [{"name": "Loyalty Points"}, {"title": " "}, {"idempotency": "never"}, {"timeout": "10"}, {"timeout": "2h"}],
)
def test_what_cannot_be_used_is_refused_where_it_is_declared(wrong):
    with pytest.raises(DeclarationError, match="found"):
        activity(**{"name": "it", "title": "It.", "idempotency": "keyed", **wrong})
