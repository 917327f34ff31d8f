"""The search attributes of journeys; a file of its own, because the supervisor must not load Temporal's SDK."""

SEARCH_ATTRIBUTES = ("Customer", "Playbook", "Version", "Step")
"""Keywords on each journey, for Temporal's list and its Web UI."""
