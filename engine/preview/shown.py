"""A playbook's messages, filled in: what each says, what it was filled in with, how long it is, or what is wrong."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.journeys.plan import Plan
from engine.language.issues import Issue, ordered
from engine.messages.check_rules import issue_of
from engine.messages.errors import TemplateError
from engine.messages.locales import locale_chain
from engine.messages.message import Rendered
from engine.messages.mime import default_unsubscribe
from engine.messages.named import attributes_named
from engine.messages.render import RENDERERS
from engine.messages.segments import Length, length
from engine.preview.examples import watched
from engine.preview.fill import Filling, Recipient
from engine.preview.letters import Letter, languages_of, letters_of, missing_texts, passed_over


@dataclass(frozen=True, slots=True)
class Shown:
    """One message in one language.

    Attributes:
        letter: which.
        locale: the language asked for; what came of it is in `rendered.locale`.
        rendered: the message; None where it could not be filled in.
        issue: what is wrong, where that is so.
        gets_it: whether the recipient would get this wording, as of now; None: nobody knows, she is an example.
        examples: names of the values that are examples and stand in it.
        length: of a short text.
    """

    letter: Letter
    locale: str
    rendered: Rendered | None
    issue: Issue | None
    gets_it: bool | None
    examples: tuple[str, ...] = ()
    length: Length | None = None

    @property
    def file(self) -> str:
        """The name of its files, without what follows the last dot."""
        form = "-".join(self.letter.channels)
        return f"{self.letter.step.replace('/', '-')}.{form}.{self.letter.template}.{self.locale}"


@dataclass(frozen=True, slots=True)
class Preview:
    """All messages of a playbook.

    Attributes:
        plan: the playbook.
        recipient: whom they are filled in for.
        messages: in the order of its steps.
        issues: texts that are missing, and messages that cannot be filled in, by their places.
        passed_over: channels that the playbook names and the policy does not configure.
    """

    plan: Plan
    recipient: Recipient
    messages: tuple[Shown, ...]
    issues: tuple[Issue, ...]
    passed_over: tuple[str, ...]


def preview_of(plan: Plan, filling: Filling, recipient: Recipient, locales: Sequence[str] | None) -> Preview:
    """Fills in every message of a playbook.

    Args:
        plan: the playbook.
        filling: where values come from.
        recipient: whom it is filled in for.
        locales: the languages; None: the one that the recipient gets. A text must be there in each language that is
            asked for, and else in each that the playbook has any text in.
    """
    rules = filling.rules
    letters = tuple(letters_of(plan, rules.policy))
    own = recipient.values["customer"]["locale"] or rules.policy.locale
    asked = [*dict.fromkeys(locales)] if locales else [own]
    missing = missing_texts(rules, plan, letters, locales or languages_of(letters, rules.templates))
    messages = tuple(_shown(plan, filling, recipient, letters, asked))
    broken = [each.issue for each in messages if each.issue is not None]
    return Preview(plan, recipient, messages, ordered([*missing, *broken]), passed_over(plan, rules.policy))


def _shown(
    plan: Plan, filling: Filling, recipient: Recipient, letters: Sequence[Letter], locales: Sequence[str]
) -> Iterator[Shown]:
    chosen = filling.attributes(recipient, {letter.by for letter in letters if letter.by})
    for letter in letters:
        for locale in locales:
            yield _one(
                plan,
                filling,
                recipient,
                letter,
                locale,
                gets_it=None if recipient.asked is None else letter.is_for(chosen),
            )


def _one(
    plan: Plan, filling: Filling, recipient: Recipient, letter: Letter, locale: str, *, gets_it: bool | None
) -> Shown:
    rules = filling.rules
    named = attributes_named(rules.templates, letter.template) & rules.catalogue.keys()
    known = filling.attributes(recipient, named)
    values, read = watched(
        {**recipient.values, "attributes": known, "unsubscribe": _unsubscribe(plan, filling, letter)}
    )
    chain = locale_chain(locale, rules.policy.locale)
    try:
        rendered = RENDERERS[letter.form](rules.templates, letter.template, chain, values)
    except TemplateError as error:
        return Shown(letter, locale, None, issue_of("RG801", error, error.hint), gets_it)
    examples = tuple(sorted(name for name in read if name.partition(".")[0] in recipient.examples))
    measured = length(rendered.text) if letter.form == "sms" else None
    return Shown(letter, locale, rendered, None, gets_it, examples, measured)


def _unsubscribe(plan: Plan, filling: Filling, letter: Letter) -> str | None:
    """The link that the message would have: of the first channel, as it is for the form."""
    policy = filling.rules.policy
    channel = policy.channels[letter.channels[0]]
    refusable = policy.consent(plan.controls.purpose) != "none"
    return default_unsubscribe(channel.sender) if refusable and channel.address == "email" and channel.sender else None
