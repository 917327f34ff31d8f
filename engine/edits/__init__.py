"""Edits of playbooks with journeys under way: what becomes of these, planned before and carried out after."""
