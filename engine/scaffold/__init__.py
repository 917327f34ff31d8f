"""Files for those who begin: a new project, and new rules in a project."""
