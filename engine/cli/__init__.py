"""The command `regulars`: one file a command."""
