"""Activities of a project's own."""

from engine.own.load import contract
from tests.own.loyalty import loyalty_points

LOYALTY = {"activities/loyalty-points.json": contract(loyalty_points, "../activities/loyalty.py")}
"""What rules know of the activity `loyalty-points`."""
