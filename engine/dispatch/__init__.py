"""From facts to journeys: which start, which are told, and the outbox that brings both to Temporal."""
