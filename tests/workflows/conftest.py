from tests.workflows.fixtures import mailbox, namespace, namespaces, open_shop, shipped_rules

__all__ = ["mailbox", "namespace", "namespaces", "open_shop", "shipped_rules"]
