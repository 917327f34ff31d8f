"""pytest plugin: collects `*.test.yaml` as tests. Use it with `pytest -p engine.ruletests.plugin rules`.

Options: `--rules-coverage` shows which clauses no test decides both ways; `--rules-coverage-min PERCENT` fails the run
when fewer are. `--rules-real` runs tests of playbooks on real servers, as `regulars test --real` does.
"""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from rich.text import Text

from engine.language.issues import Issue, Span
from engine.language.render import as_text
from engine.language.rules import Rules, is_test
from engine.ruletests.case import Case, Difference, Outcome
from engine.ruletests.coverage import Coverage, coverage
from engine.ruletests.find import Found, find_rules, rules_around
from engine.ruletests.read import read_tests
from engine.ruletests.report import coverage_text, difference_lines
from engine.ruletests.run import Runner


@dataclass(slots=True)
class _Session:
    """What a run of pytest gathers of one directory of rules."""

    found: Found
    runner: Runner
    outcomes: list[Outcome] = field(default_factory=list)


_SESSIONS = pytest.StashKey[dict[Path, _Session]]()


class MistakeError(Exception):
    """A test file is wrong; the text says where."""


class DifferenceError(Exception):
    """A test found something else than it expects."""


class RuleTestFile(pytest.File):
    """One `*.test.yaml`."""

    def collect(self) -> Iterator[pytest.Item]:
        """Its tests, and one that fails for what is wrong in the file itself."""
        session = _session(self.config, rules_around(self.path))
        rules = session.found.rules
        suite = read_tests(rules, frozenset({self.path.relative_to(session.found.directory).as_posix()}))
        if suite.issues:
            yield MistakesItem.from_parent(self, name="the file is sound", text=_plain(suite.issues, rules))
        for case in suite.cases:
            yield RuleTestItem.from_parent(self, name=case.name, case=case, session_of=session)


class MistakesItem(pytest.Item):
    """Fails with the mistakes of a test file."""

    def __init__(self, *, text: str, **given: Any) -> None:  # noqa: ANN401 - pytest's own arguments
        super().__init__(**given)
        self._text = text

    def runtest(self) -> None:
        """Fails."""
        raise MistakeError(self._text)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:  # noqa: ANN401 - pytest's signature
        """The mistakes, without a traceback."""
        return self._text if excinfo.errisinstance(MistakeError) else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where it stands."""
        return self.path, 0, self.name


class RuleTestItem(pytest.Item):
    """One test of rules."""

    def __init__(self, *, case: Case, session_of: _Session, **given: Any) -> None:  # noqa: ANN401 - pytest's own arguments
        super().__init__(**given)
        self._case, self._session = case, session_of

    @property
    def is_real(self) -> bool:
        """Whether it is to run on the real path."""
        return self._case.story is not None and bool(self.config.getoption("--rules-real"))

    def runtest(self) -> None:
        """Runs it and fails with the differences."""
        if self.is_real:
            outcome = Outcome(self._case, self.config.stash[_REAL](self.path, self._case.name))
        else:
            outcome = self._session.runner(self._case)
        self._session.outcomes.append(outcome)
        if not outcome.passed:
            place = f"{self.path}:{outcome.differences[0].at.line}"
            lines = [line for each in outcome.differences for line in difference_lines(each)]
            raise DifferenceError("\n".join([place, *lines]))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:  # noqa: ANN401 - pytest's signature
        """The differences, without a traceback."""
        return str(excinfo.value) if excinfo.errisinstance(DifferenceError) else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where it stands: pytest counts lines from 0."""
        return self.path, self._case.span.line - 1, self.name


@dataclass(slots=True)
class _Real:
    """Tests on the real path: all that are asked for have run, in one process of their own, before the first tells."""

    found: dict[tuple[Path, str], tuple[Difference, ...]] = field(default_factory=dict)
    failed: str = ""
    """Why they could not run."""

    def run(self, files: Iterable[Path]) -> None:
        """Runs the tests of these files."""
        command = [sys.executable, "-m", "engine.cli", "test", *map(str, files), "--real", "--format", "json"]
        code, told, complaint = _ended(command)
        if code not in (0, 1) or not told:
            self.failed += complaint.strip() or f"`regulars test --real` ended with {code}"
            return
        for each in json.loads(told)["tests"]:
            self.found[Path(each["file"]).absolute(), each["name"]] = tuple(map(_difference, each["differences"]))

    def __call__(self, file: Path, name: str) -> tuple[Difference, ...]:
        """What was not as expected.

        Raises:
            DifferenceError: they could not run.
        """
        if (file, name) not in self.found:
            raise DifferenceError(self.failed or "it did not run")
        return self.found[file, name]


def _ended(command: Sequence[str]) -> tuple[int, str, str]:
    """Runs a command and gives its exit code and what it wrote. If we are interrupted it stops its servers first."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:  # noqa: S603 - our own command
        try:
            told, complaint = running.communicate()
        except BaseException:
            running.terminate()
            raise
        return running.returncode, told, complaint


_REAL = pytest.StashKey[_Real]()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Runs what is to run on the real path, by the rules that it belongs to: servers start but once for each."""
    if session.config.option.collectonly:
        return
    of_rules: dict[Path, set[Path]] = {}
    for item in session.items:
        if isinstance(item, RuleTestItem) and item.is_real:
            of_rules.setdefault(rules_around(item.path), set()).add(item.path)
    session.config.stash[_REAL] = real = _Real()
    for files in of_rules.values():
        real.run(sorted(files))


def _difference(told: dict[str, Any]) -> Difference:
    at = Span(told["line"], told["column"], told["line"], told["column"])
    return Difference(told["what"], at, told["expected"], told["found"], tuple(told["why"]))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the options."""
    group = parser.getgroup("rules", "tests of rules")
    group.addoption("--rules-real", action="store_true", help="run tests of playbooks on real servers")
    group.addoption("--rules-coverage", action="store_true", help="show which clauses no test decides both ways")
    group.addoption(
        "--rules-coverage-min",
        type=int,
        choices=range(101),
        metavar="PERCENT",
        default=0,
        help="fail when fewer clauses are decided both ways",
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> RuleTestFile | None:
    """Test files of rules."""
    return RuleTestFile.from_parent(parent, path=file_path) if is_test(file_path.name) else None


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fails a run that passed and covered too little."""
    least = session.config.getoption("--rules-coverage-min") * 100
    if exitstatus == pytest.ExitCode.OK and any(each.hundredths < least for _, each in _coverages(session.config)):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Shows the coverage."""
    least = config.getoption("--rules-coverage-min")
    if not (config.getoption("--rules-coverage") or least):
        return
    for session, found in _coverages(config):
        terminalreporter.section("clauses of rules")
        terminalreporter.write_line(coverage_text(found, session.found.prefix))
        if found.hundredths < least * 100:
            terminalreporter.write_line(f"less than {least} % of the clauses are decided both ways", red=True)


def _coverages(config: pytest.Config) -> Iterator[tuple[_Session, Coverage]]:
    for session in config.stash.get(_SESSIONS, {}).values():
        yield session, coverage(session.found.rules, session.outcomes)


def _session(config: pytest.Config, directory: Path) -> _Session:
    sessions = config.stash.setdefault(_SESSIONS, {})
    if directory not in sessions:
        found = find_rules((directory,))
        sessions[directory] = _Session(found, Runner(found.rules))
    return sessions[directory]


def _plain(issues: Iterable[Issue], rules: Rules) -> str:
    return Text.from_markup(as_text(issues, rules.files)).plain
