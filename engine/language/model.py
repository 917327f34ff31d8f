"""What all models of rule files have in common."""

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """A mapping with known keys: strict, closed, immutable; `for` and `else` are aliases of Python's names."""

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, populate_by_name=False, arbitrary_types_allowed=True
    )
