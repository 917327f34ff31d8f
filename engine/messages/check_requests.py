"""Tries the requests of channels over HTTP before a message meets them: a misspelt name is found with its line."""

from collections.abc import Iterator
from datetime import UTC, datetime

from engine.language.issues import Issue, Report
from engine.language.located import Mapping
from engine.language.reader import read
from engine.language.requests import leaves
from engine.language.rules import Rules, is_test
from engine.messages.errors import TemplateError
from engine.messages.message import OutgoingMessage, Rendered
from engine.messages.requests import fill_in, request_values

_MESSAGE = OutgoingMessage(
    sender="Sample Shop <shop@example.com>",
    recipient="alex@example.com",
    content=Rendered("A subject", "A text.\n", None, "en"),
    at=datetime(2024, 3, 8, 9, 30, tzinfo=UTC),
)


def request_issues(rules: Rules) -> Iterator[Issue]:
    """What is wrong in the templates of requests."""
    values = request_values(_MESSAGE, "sample")
    for path, channel in _channels(rules):
        request = channel.get("request")
        body = request.get("body") if isinstance(request, Mapping) else None
        for leaf in leaves(body) if body is not None else ():
            try:
                fill_in(leaf.value, values)
            except TemplateError as error:
                span = leaf.span
                yield Issue(
                    "RG803", path, span.line, span.column, span.end_line, span.end_column, error.found, error.expected,
                    error.hint,
                )  # fmt: skip


def _channels(rules: Rules) -> Iterator[tuple[str, Mapping]]:
    """The channels of the policy as they are written, with the file's path."""
    if not any(channel.request for channel in rules.policy.channels.values()):
        return
    for path, text in rules.files.items():
        if not path.endswith((".yaml", ".yml")) or is_test(path) or "channels" not in text:
            continue
        tree = read(text, Report(path))
        policy = tree.get("policy") if isinstance(tree, Mapping) else None
        channels = policy.get("channels") if isinstance(policy, Mapping) else None
        for entry in channels if isinstance(channels, Mapping) else ():
            if isinstance(entry.value, Mapping):
                yield path, entry.value
