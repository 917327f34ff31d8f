"""Rules under test: facts in compact notation and an instant give the standing that is expected, or a difference."""
