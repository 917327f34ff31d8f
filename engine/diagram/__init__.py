"""Playbooks as pictures: the plan as a graph, as Mermaid text and as SVG drawn without any other program."""
