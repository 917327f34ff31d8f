from tests.workflows.fixtures import open_shop

__all__ = ["open_shop"]
