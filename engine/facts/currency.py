"""The reporting currency: the policy's, else that of the shops."""

from typing import Any

import psycopg


class CurrencyUnclearError(ValueError):
    """Several shops have different currencies and the policy names none."""

    code = "currency_unclear"

    def __init__(self, found: list[str]) -> None:
        """Keeps what was found beside the text."""
        self.found = found
        super().__init__(
            f"{self.code}: rules/policy.yaml: found no currency and shops in {', '.join(found)}, expected one currency"
            f" to report in (add a line such as `currency: {found[0]}`)"
        )


def reporting_currency(connection: psycopg.Connection[Any], policy_currency: str | None) -> str | None:
    """The currency that spend is counted in; None where there is no shop yet.

    Raises:
        CurrencyUnclearError: the policy names none and the shops have several.
    """
    if policy_currency is not None:
        return policy_currency
    found = [row[0] for row in connection.execute("select distinct currency from shops order by currency").fetchall()]
    if len(found) > 1:
        raise CurrencyUnclearError(found)
    return found[0] if found else None
