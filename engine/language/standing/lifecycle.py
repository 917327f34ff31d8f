"""The lifecycle: stages that divide all customers."""

from engine.conditions.ast import Condition
from engine.language.issues import Report, did_you_mean, one_of
from engine.language.located import Entry, Mapping, Node, Sequence, found
from engine.language.scope import Scope
from engine.language.standing.models import LifecycleModel
from engine.language.standing.parts import Part, ask, check_name, empty, holder, part_of
from engine.language.validate import mapping, validate
from engine.standing.definition import Lifecycle, StageRule


def compile_lifecycle(root: Mapping, scope: Scope, report: Report) -> Part:
    """Reads the lifecycle; one faulty stage disables all, because the others would then divide customers otherwise."""
    at = root.entries[0].span
    with part_of(report, "lifecycle"):
        before = report.faults
        node = holder(root, "lifecycle", report, "a mapping with stages")
        model = validate(LifecycleModel, node, report, at=at) if node else None
        stages = [] if node is None else _stages(node, scope, report)
        sound = model is not None and report.faults == before
    asks = tuple(when for entry in _entries(node) if (when := _when(entry)) is not None)
    rule = None
    if sound and model is not None:
        rule = Lifecycle(
            stages=tuple(
                StageRule(
                    name=name,
                    title=model.stages[name].title,
                    when=when,
                    description=(model.stages[name].description or "").strip(),
                    to=None if (to := model.stages[name].to) is None else tuple(to),
                )
                for name, when in stages
            )
        )
    return Part("stage", "lifecycle", report, at, asks, rule, sound)


def _when(entry: Entry) -> Node | None:
    return entry.value.get("when") if isinstance(entry.value, Mapping) else None


def _entries(node: Mapping | None) -> tuple[Entry, ...]:
    stages = node.get("stages") if node else None
    return stages.entries if isinstance(stages, Mapping) else ()


def _stages(node: Mapping, scope: Scope, report: Report) -> list[tuple[str, Condition]]:
    entry = node.entry("stages")
    listed = mapping(entry.value, report, "stages by name", entry.span) if entry and not _told(entry) else None
    if listed is None or empty(listed, "stages", report):
        return []
    names = listed.keys()
    stages: list[tuple[str, Condition]] = []
    for each in listed:
        check_name(each, report)
        inside = each.value if isinstance(each.value, Mapping) else None
        when = ask(inside, "when", scope, report) if inside else None
        if inside:
            _check_next(each.key, inside, names, report)
        if when is not None:
            stages.append((each.key, when))
    return stages


def _told(entry: Entry) -> bool:
    """Whether the model has told already that this is no mapping."""
    return not isinstance(entry.value, Mapping)


def _check_next(name: str, node: Mapping, names: tuple[str, ...], report: Report) -> None:
    """Stages that may follow must exist; that a stage follows itself says nothing."""
    after = node.get("to")
    for item in after.items if isinstance(after, Sequence) else ():
        if found(item) == name:
            report.error("RG317", item.span, name, "another stage", "who stays in a stage makes no transition")
        elif found(item) not in names:
            report.error(
                "RG317", item.span, found(item), f"a stage: {one_of(names, 12)}", did_you_mean(found(item), names)
            )
