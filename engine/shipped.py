"""Where the data lies that ships with the packages: rules, schemas, examples, the pinned sources of servers."""

import sysconfig
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parents[1]
_INSTALLED = Path(sysconfig.get_path("data")) / "share" / "regulars"


def shipped(folder: str) -> Path:
    """A folder of the data: beside the packages in a checkout, else where a wheel has put it.

    Args:
        folder: its path in the repository, such as `rules` or `tools/temporal`.
    """
    return (_CHECKOUT if (_CHECKOUT / "pyproject.toml").is_file() else _INSTALLED) / folder
