from tests.workflows.fixtures import namespace, namespaces

__all__ = ["namespace", "namespaces"]
