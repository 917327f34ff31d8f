"""`python -m engine.cli`: the command `regulars` without its script."""

from engine.cli.main import main

if __name__ == "__main__":
    main()
