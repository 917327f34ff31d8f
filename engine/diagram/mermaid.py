"""A graph as Mermaid text, which code forges and many editors draw: mermaid.js.org/syntax/flowchart.html."""

from collections.abc import Iterator

from engine.diagram.graph import Box, Graph, Shape

_SHAPES: dict[Shape, tuple[str, str]] = {
    "start": ("([", "])"),
    "send": ("[", "]"),
    "wait": ("(", ")"),
    "choice": ("{{", "}}"),
    "act": ("[", "]"),
    "together": ("[[", "]]"),
    "end": ("([", "])"),
}
_COLOURS: dict[Shape, str] = {
    "start": "fill:#e7f5ec,stroke:#2f855a",
    "send": "fill:#e8f0fe,stroke:#2b5fb8",
    "wait": "fill:#fff7e0,stroke:#a8780a",
    "choice": "fill:#f4ecfb,stroke:#7a3fa8",
    "act": "fill:#eef1f4,stroke:#52606d",
    "together": "fill:#e6f6f8,stroke:#1f7a8c",
    "end": "fill:#fdecec,stroke:#b03a3a",
}


def to_mermaid(graph: Graph) -> str:
    """The text of a flowchart. Names of boxes are numbers: a step may be called as Mermaid calls something."""
    return "\n".join([f"---\ntitle: {_title(graph)}\n---", "flowchart TD", *_lines(graph)]) + "\n"


def _lines(graph: Graph) -> Iterator[str]:
    names = {box.id: f"s{number}" for number, box in enumerate(graph.boxes)}
    yield f'    about["{"<br/>".join(map(_escaped, graph.notes))}"]:::about'
    for box in graph.boxes:
        opens, closes = _SHAPES[box.shape]
        yield f'    {names[box.id]}{opens}"{_words(box)}"{closes}:::{_class(box.shape)}'
    for arrow in graph.arrows:
        line = "-.->" if arrow.kind == "failure" or arrow.back else "-->"
        label = f'|"{_escaped(arrow.label)}"|' if arrow.label else ""
        yield f"    {names[arrow.source]} {line}{label} {names[arrow.target]}"
    for shape in dict.fromkeys(box.shape for box in graph.boxes):
        yield f"    classDef {_class(shape)} {_COLOURS[shape]}"
    yield "    classDef about fill:#ffffff,stroke:#9aa5b1,text-align:left"


def _words(box: Box) -> str:
    title = f"<b>{_escaped(box.title[:1].upper() + box.title[1:])}</b>"
    return "<br/>".join([title, *map(_escaped, (*box.lines, *box.counts))])


def _class(shape: Shape) -> str:
    """`end` is a word of Mermaid's own."""
    return f"of_{shape}"


def _escaped(text: str) -> str:
    """Text in quotes: Mermaid's own signs as numbers, so that nothing of it is read as markup."""
    return "".join(f"#{ord(each)};" if each in '"#;<>`&\\' else each for each in " ".join(text.split()))


def _title(graph: Graph) -> str:
    """As YAML takes it."""
    text = " ".join(f"{graph.title} ({graph.name})".split())
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
