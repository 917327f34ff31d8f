"""Tries every template before a customer meets it.

Each is filled in twice with invented values: once with everything known, once with all that may be unknown unknown. So
a misspelt name, a broken page and a greeting that needs a name nobody gave are found when the rules are checked.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.messages.errors import TemplateError
from engine.messages.render import RENDERERS
from engine.messages.templates import SUFFIXES, template_locales, template_names
from engine.money import Money
from engine.policy import Form

_PLACED = datetime(2024, 3, 8, 9, 30, tzinfo=UTC)


def sample_values(*, known: bool = True, attributes: Iterable[str] = ()) -> dict[str, Any]:
    """Values as `message_values` gives them, of an invented order; unless `known`, only what is always known.

    Attributes are unknown in either case: their types are the rules' affair.
    """
    values: dict[str, dict[str, Any]] = {
        "customer": {
            "given_name": "Alex",
            "family_name": "Sample",
            "city": "Lisbon",
            "country": "PT",
            "locale": "en",
            "zone": "Europe/Lisbon",
        },
        "order": {
            "payment_method": "bank_slip",
            "total": Money(12_345, "EUR"),
            "shipping": Money(495, "EUR"),
            "discount": Money(1_000, "EUR"),
            "estimated_at": _PLACED,
        },
        "shipment": {
            "carrier": "Swift",
            "tracking": "SW000123",
            "estimated_at": _PLACED + timedelta(days=3),
            "shipped_at": _PLACED + timedelta(days=1),
            "out_for_delivery_at": _PLACED + timedelta(days=3),
            "delivered_at": _PLACED + timedelta(days=3, hours=2),
        },
        "case": {
            "subject": "delivery",
            "answered_at": _PLACED + timedelta(hours=2),
            "closed_at": _PLACED + timedelta(days=1),
        },
        "coupon": {"last_day": _PLACED + timedelta(days=14)},
        "shop": {"country": "PT"},
    }
    if not known:
        values = {group: dict.fromkeys(names) for group, names in values.items()}
    values["order"] |= {"number": "1001", "placed_at": _PLACED}
    values["shipment"] |= {"shipment": "1"}
    values["case"] |= {"case": "C-1001", "kind": "complaint", "opened_at": _PLACED}
    values["coupon"] |= {"code": "SAMPLE-1234", "pool": "sample"}
    values["shop"] |= {"name": "Sample Shop", "zone": "Europe/Lisbon"}
    link = "mailto:shop@example.com?subject=unsubscribe" if known else None
    return {**values, "attributes": dict.fromkeys(attributes), "unsubscribe": link}


def template_errors(templates: Mapping[str, str], attributes: Iterable[str] = ()) -> list[TemplateError]:
    """What is wrong with the templates, each error once, in order of file and line.

    Args:
        templates: sources by path.
        attributes: names of the attributes that there are.
    """
    names = tuple(attributes)
    errors: dict[tuple[str, str, int], TemplateError] = {}
    for form, name, locale in _texts(templates):
        for known in (True, False):
            try:
                RENDERERS[form](templates, name, (locale,), sample_values(known=known, attributes=names))
            except TemplateError as error:
                errors.setdefault((error.file, error.code, error.line), error)
    return sorted(errors.values(), key=lambda error: (error.file, error.line, error.code))


def _texts(templates: Mapping[str, str]) -> Iterator[tuple[Form, str, str]]:
    """Form, name and locale of every text."""
    for form in SUFFIXES:
        for name in template_names(templates, form):
            for locale in template_locales(templates, name, form):
                yield form, name, locale
