"""Tests of playbooks on the real path: real servers, the real workflow and activities, on the shop's own clock."""
