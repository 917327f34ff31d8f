"""Rewrites a parsed template so that what it does is counted, and refuses what templates may not do.

Jinja compiles a template to Python that loops and joins texts by itself, out of the sandbox's sight. This pass over the
syntax tree sends every such place through a filter of `engine.messages.sandbox`.
"""

from jinja2 import nodes

TURNS = "_turns"
JOIN = "_join_all"
SCALAR = "_scalar"


class NotOffered(Exception):  # noqa: N818 -- it is what happened; operators see a TemplateError
    """The template asks for something that templates may not do; `line` is 0 if it is only known at run time."""

    def __init__(self, what: str, line: int = 0) -> None:
        super().__init__(what)
        self.line = line


def close(tree: nodes.Template) -> nodes.Template:
    """The same template with its loops, joins and literals counted.

    Raises:
        NotOffered: it switches escaping off, loops recursively, or passes arguments by `*`.
    """
    for node in list(tree.find_all(nodes.Node)):
        _refuse(node)
    _rewrite(tree)
    return tree


def _refuse(node: nodes.Node) -> None:
    match node:
        case nodes.EvalContextModifier() | nodes.ScopedEvalContextModifier():
            raise NotOffered("autoescape: escaping is always on in HTML", node.lineno)
        case nodes.For(recursive=True):
            raise NotOffered("a recursive loop", node.lineno)
        case nodes.Name(name="varargs" | "kwargs"):
            raise NotOffered("varargs and kwargs", node.lineno)
        case nodes.Filter(name=str(name)) if name.startswith("_"):
            raise NotOffered(f"the filter {name}", node.lineno)
        case nodes.Call() | nodes.Filter() | nodes.Test() if node.dyn_args or node.dyn_kwargs:
            raise NotOffered("arguments passed by *", node.lineno)


def _rewrite(node: nodes.Node) -> None:
    for name, value in node.iter_fields():
        if isinstance(value, nodes.Node):
            _rewrite(value)
            setattr(node, name, _counted(value))
        elif isinstance(value, list):
            for each in value:
                if isinstance(each, nodes.Node):
                    _rewrite(each)
            setattr(node, name, [_counted(each) if isinstance(each, nodes.Node) else each for each in value])
    if isinstance(node, nodes.For):
        node.iter = _filtered(node.iter, TURNS)


def _counted(node: nodes.Node) -> nodes.Node:
    match node:
        case nodes.Concat():
            return _filtered(nodes.List(node.nodes, lineno=node.lineno), JOIN)
        case nodes.List():
            node.items = [_scalar(item) for item in node.items]
        case nodes.Tuple(ctx="load"):
            node.items = [_scalar(item) for item in node.items]
        case nodes.Dict():
            for pair in node.items:
                pair.value = _scalar(pair.value)
    return node


def _scalar(item: nodes.Expr) -> nodes.Expr:
    """Literals inside literals are as deep as they are written; a variable in one must not nest further."""
    return item if isinstance(item, nodes.Literal) else _filtered(item, SCALAR)


def _filtered(node: nodes.Node, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)
