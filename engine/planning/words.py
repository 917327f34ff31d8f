"""What a plan says in words that its text and its Markdown share."""

from engine.money import Money
from engine.planning.report import Asked, Decisive, Example, Group, Line, Plan, Stand, Starting, UnderWay, Version
from engine.standing.order import UNNAMED

KINDS = {"stage": "stage", "tier": "tier", "rfm_group": "RFM group", "segment": "segment", "tag": "tag"}
_HOW = {"start": "started", "apply": "applied", "rollback": "rolled back to"}
_EDITED = {"affected": "by what it depends on"}
_BECOMES = {
    "pin": "run on as they began",
    "migrate": "go over to the edited steps",
    "drain": "end now, and nothing more of them is sent",
}


def money(minor: int, currency: str | None) -> str:
    """`12,345.00 EUR`; nothing where there is no currency yet."""
    return "" if currency is None else f"{Money(minor, currency).amount:,} {currency}"


def percent(share: float) -> str:
    """`4.5 %`; what is more than nothing never reads as nothing."""
    return f"{100 * share:.1f} %" if share == 0 or share >= 0.0005 else "< 0.1 %"


def version(side: Version) -> str:
    """`the version in force 9f8e7d6c5b4a3210, applied by anna, 2026-11-20 10:00 UTC`."""
    named = f"{side.what} {side.version}" if side.version else side.what
    since = f", {side.at:%Y-%m-%d %H:%M} UTC" if side.at else ""
    return f"{named}{f', {_HOW[side.how]} by {side.by}' if side.how else ''}{since}"


def headline(plan: Plan) -> str:
    """How many change, in one line."""
    if not plan.changes:
        return "Nothing changes: both are the same."
    if not plan.groups:
        return f"Nobody's standing changes; {plan.customers:,} customers."
    return f"{plan.changing:,} of {plan.customers:,} customers change ({percent(plan.share)})."


def name_of(group: Group) -> str:
    """A group's name: of a trigger's own condition that condition."""
    if group.name.startswith(UNNAMED):
        return f"when {group.title}"
    return group.name


def kind_of(group: Group) -> str:
    """The kind of a group in words."""
    return "trigger" if group.name.startswith(UNNAMED) else KINDS[group.kind]


def edited(word: str) -> str:
    """What became of a rule."""
    return _EDITED.get(word, word)


def named_move(group: Group, line: Line) -> str:
    """`enters`, `leaves`; of stages and the like with the names: `none → loyal`."""
    if group.kind in ("tag", "segment"):
        return line.what
    return f"{line.before or '(none)'} → {line.after or '(none)'}"


def decisive(clause: Decisive) -> str:
    """`75 days: at least 90 days, no → at least 60 days, yes`."""
    match clause:
        case Decisive(before=Asked() as was, after=Asked() as becomes):
            if was.found == becomes.found:
                found = f"{was.found}: " if was.found else ""
                return f"{found}{was.clause}, {_verdict(was)} → {becomes.clause}, {_verdict(becomes)}"
            return f"{_alone(was)} → {_alone(becomes)}"
        case Decisive(before=None, after=Asked() as becomes):
            return f"now asked: {_alone(becomes)}"
        case Decisive(before=Asked() as was):
            return f"no longer asked: {_alone(was)}"
        case _:
            return ""


def _alone(asked: Asked) -> str:
    found = f": {asked.found}" if asked.found else ""
    return f"{asked.clause}{found}, {_verdict(asked)}"


def _verdict(asked: Asked) -> str:
    return "yes" if asked.holds else "no"


def why(example: Example) -> str:
    """Why a customer is moved."""
    return "; ".join(map(decisive, example.clauses)) or example.note


def starting(each: Starting) -> str:
    """Where the number of journeys comes from."""
    parts = [f"{each.changed:,} moved"] if each.changed else []
    parts += [f"{each.inside:,} inside already"] if each.inside else []
    parts += [f"{each.only_if:,} not by only_if"] if each.only_if else []
    parts += [f"{each.once_per:,} not by once_per"] if each.once_per else []
    parts += [f"{each.held_out:,} in the holdout"] if each.held_out else []
    parts += [f"status {each.status}"] if each.status != "live" else []
    return ", ".join(parts)


def becomes(each: UnderWay) -> str:
    """What becomes of journeys under way."""
    if each.plan == "same":
        return "not edited"
    if each.plan == "removed":
        return "removed: they run to their end by the version that they began with"
    return "; ".join((f"edits: {each.edits}: they {_BECOMES[each.edits]}", *map(_stand, each.stands)))


def _stand(each: Stand) -> str:
    if each.why:
        return f"{each.count:,} at {each.step} have no place: {each.why}"
    return f"{each.count:,} at {each.step}" + (f" go on at {each.to}" if each.to and each.to != each.step else "")
