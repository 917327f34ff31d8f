"""One customer's path through a playbook, as a timeline: as it really was, or as a simulation has it."""
