"""Names of dates: attributes and fields that are an instant or a day."""

from engine.language.issues import Report, did_you_mean, one_of
from engine.language.located import Entry, Scalar, found
from engine.language.scope import ALL_SCOPES, Scope

_DATES = ("date", "instant")


def check_date(named: Entry, scope: Scope, report: Report) -> None:
    """A name must be an attribute or field of the subject's that is an instant or a date."""
    node = named.value
    if not isinstance(node, Scalar) or not node.text or not isinstance(node.value, str):
        report.error("RG203", named.span, found(node), "an attribute of type date or instant")
        return
    head, dot, tail = node.text.partition(".")
    known = scope.scoped.get(head, {}) if dot else scope.bare
    typed = known.get(tail if dot else head)
    if dot and head in ALL_SCOPES and head not in scope.scoped:
        here = one_of([f"{each}." for each in scope.scoped]) or "no scope"
        report.error("RG311", node.span, node.text, f"names of this place: {here} and bare names")
    elif typed is None and not scope.disables(node.text):
        code, what = ("RG303", f"a field of {head}") if dot else ("RG301", "an attribute")
        report.error(code, node.span, node.text, what, did_you_mean(tail or head, known))
    elif typed is None:
        report.warning("RG313", node.span, node.text, "a sound attribute", "correct it first: it has errors of its own")
    elif typed.type not in _DATES:
        report.error("RG401", node.span, f"{node.text}, of type {typed.type}", "a date or an instant")
