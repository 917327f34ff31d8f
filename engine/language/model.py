"""What all models of rule files have in common."""

from functools import cache

from pydantic import BaseModel, ConfigDict, ValidationInfo, WithJsonSchema, field_validator
from pydantic_core import PydanticCustomError


class Model(BaseModel):
    """A mapping with known keys: strict, closed, immutable; `for` is an alias of a name that Python allows."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _given(cls, value: object, info: ValidationInfo) -> object:
        """A key with nothing after it is a slip, not a wish for the default."""
        if value is None and info.field_name not in deferred_fields(cls):
            raise PydanticCustomError(
                "RG203", "nothing", {"expected": "a value", "hint": "write one, or remove the key"}
            )
        return value


@cache
def deferred_fields(model: type[BaseModel]) -> frozenset[str]:
    """Fields that the compiler reads from the located tree, where it finds what is wrong itself."""
    return frozenset(name for name, field in model.model_fields.items() if any(map(_is_deferred, field.metadata)))


def _is_deferred(part: object) -> bool:
    return isinstance(part, WithJsonSchema) and "x-definition" in (part.json_schema or {})
