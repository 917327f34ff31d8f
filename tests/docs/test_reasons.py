"""The page of messages knows every reason for which a message is skipped, held back, failed or in doubt."""

import re

from tests.docs.pages import ROOT

MESSAGES = (ROOT / "docs/messages.md").read_text()
# Where reasons are made: the words of a reservation, of a provider's refusals, of a person's settling.
SOURCES = {
    "engine/messages/reasons.py": r'"([a-z]+(?:_[a-z]+)*)"',
    "engine/messages/deciding.py": r'"(worker_died)"',
    "activities/providers/smtp.py": r'(?:Retryable|Final|InDoubt|_answer)\("([a-z_]+)"',
    "activities/providers/smtp_connections.py": r'Retryable\("([a-z_]+)"',
    "activities/providers/mailbox.py": r'(?:Retryable|Final|InDoubt)\("([a-z_]+)"',
    "activities/providers/http_answers.py": r'(?:\w+able|InDoubt)\("([a-z_]+)"|\d: "([a-z_]+)"|case .*"(\w+_refused)"',
    "activities/providers/http_exchange.py": r'(?:Retryable|InDoubt|_failure)\("([a-z_]+)"',
    "activities/providers/sms.py": r'Final\("([a-z_]+)"',
    "activities/providers/webhook.py": r'(?:Retryable|Final)\("([a-z_]+)"|"(\w+_\w+)" if error|else "(\w+_not_taken)"',
    "activities/deliver.py": r'"(refused_after_doubt)"',
    "engine/cli/messages.py": r'"(settled_as_[a-z_]+)"',
    "workflows/journey.py": r'"(retries_used_up)"',
}


def reasons() -> set[str]:
    found = set()
    for path, pattern in SOURCES.items():
        found_words = re.finditer(pattern, (ROOT / path).read_text())
        words = {word for match in found_words for word in match.groups() if word}
        assert words, f"{path}: no reasons were found; has it moved?"
        found |= words
    return found


def test_every_reason_in_the_code_is_explained() -> None:
    assert {reason for reason in reasons() if f"`{reason}`" not in MESSAGES} == set()


def test_every_state_of_a_message_is_explained() -> None:
    tables = (ROOT / "engine/facts/tables.py").read_text()
    states = re.search(r"state in \(('planned'[^)]*)\)", tables)[1]
    assert {state for state in re.findall(r"'(\w+)'", states) if f"| `{state}` |" not in MESSAGES} == set()
