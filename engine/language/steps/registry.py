"""Every kind of step: a new one is a file beside this one and a name here."""

from collections.abc import Mapping

from engine.language.steps.branch import IF
from engine.language.steps.call import CALL
from engine.language.steps.coupon import COUPON
from engine.language.steps.end import END
from engine.language.steps.first import FIRST
from engine.language.steps.kind import StepKind
from engine.language.steps.parallel import PARALLEL
from engine.language.steps.points import POINTS
from engine.language.steps.repeat import REPEAT
from engine.language.steps.send import SEND
from engine.language.steps.split import SPLIT
from engine.language.steps.start import START
from engine.language.steps.switch import SWITCH
from engine.language.steps.tag import TAG
from engine.language.steps.task import TASK
from engine.language.steps.update import UPDATE
from engine.language.steps.wait import WAIT
from engine.language.steps.wait_for import WAIT_FOR
from engine.language.steps.webhook import WEBHOOK

KINDS: Mapping[str, StepKind] = {
    kind.name: kind
    for kind in (
        SEND,
        WAIT,
        WAIT_FOR,
        FIRST,
        IF,
        SWITCH,
        SPLIT,
        PARALLEL,
        REPEAT,
        TASK,
        TAG,
        CALL,
        WEBHOOK,
        UPDATE,
        COUPON,
        POINTS,
        START,
        END,
    )
}
