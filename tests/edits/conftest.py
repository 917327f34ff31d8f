from tests.workflows.fixtures import mailbox, namespace, namespaces, open_shop

__all__ = ["mailbox", "namespace", "namespaces", "open_shop"]
