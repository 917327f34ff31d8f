"""The kinds of steps of a playbook: each file owns one kind's model, checks and code."""
