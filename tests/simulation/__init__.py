"""Playbooks on a virtual clock."""
