"""The project's rules for commands that run them: unsound ones are named and left out, the others run."""

from engine.language.rules import Rules, load_rules
from engine.servers.progress import say
from engine.servers.project import Project


def sound_rules(project: Project) -> Rules:
    """Loads the rules and says on standard error how many mistakes leave something out."""
    rules = load_rules(project.rules)
    errors = [issue for issue in rules.issues if issue.severity == "error"]
    if errors:
        counted = f"{len(errors)} mistake{'' if len(errors) == 1 else 's'}"
        say(f"{counted} in the rules: what they concern is disabled; see `regulars check`")
    return rules
