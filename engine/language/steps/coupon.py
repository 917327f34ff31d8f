"""The step coupon: gives the customer a code out of a pool."""

from pydantic import Field

from engine.journeys.plan import Coupon
from engine.language.issues import did_you_mean, one_of
from engine.language.located import Mapping, Scalar, found
from engine.language.model import Model
from engine.language.pools import Pool
from engine.language.steps.kind import Block, Context, StepKind, StepNode
from engine.language.validate import validate
from engine.language.values import DurationText, Name, Text


class CouponModel(Model):
    """Gives the customer a code out of a pool, one for each time the step is taken.

    Messages after it may name it: `{{ coupon.code }}`, `{{ coupon.expires_at | date }}`.

    ```yaml
    - coupon: {id: gift, pool: comeback-15, expires: 14d}
      on_failure: [end]             # the pool is empty, or allows the customer no more of it
    ```
    """

    id: Name | None = Field(default=None, description="The step's name.")
    title: Text | None = Field(default=None, description="What people read in the Temporal UI.")
    pool: Name = Field(description="The pool of codes.")
    expires: DurationText | None = Field(
        default=None, description="So long after it was given, to the end of that day; default: as the pool says."
    )


def compile_coupon(context: Context, step: StepNode, _base: int) -> Block:
    """One instruction, with what the pool says in it."""
    before = context.report.faults
    model = validate(CouponModel, step.value, context.report, at=step.at)
    pool = _pool(context, step)
    if model is None or pool is None or context.report.faults > before:
        return Block(())
    expires = pool.expires if model.expires is None else model.expires.seconds
    given = {"pool": pool.name, "expires": expires, "per_customer": pool.per_customer}
    label = model.title or f"giving a coupon of {pool.name}"
    literal = {key: value for key, value in given.items() if value is not None}
    return Block((Coupon(id=step.id, label=label, given=literal),))


def _pool(context: Context, step: StepNode) -> Pool | None:
    """The pool that is named, or None and an issue."""
    named = step.value.get("pool") if isinstance(step.value, Mapping) else None
    if not isinstance(named, Scalar) or not named.text or context.pools is None:
        return None
    pools = context.pools
    if named.text not in pools:
        known = one_of(sorted(pools), 12)
        expected = f"a pool of coupons: {known}" if known else "a pool of coupons: there is no coupons.yaml"
        context.report.error("RG325", named.span, found(named), expected, did_you_mean(named.text, pools))
        return None
    pool = pools[named.text]
    if pool is None:
        context.report.warning("RG313", named.span, named.text, "a sound pool", "correct it first: it has errors")
    return pool


COUPON = StepKind("coupon", "Gives a coupon.", compile_coupon, CouponModel)
