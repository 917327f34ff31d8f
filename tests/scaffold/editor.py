"""An editor for tests: drives yaml-language-server over its standard streams, as editors do."""

import json
import subprocess
from pathlib import Path

_SETTINGS = {
    "yaml": {
        "schemaStore": {"enable": False},  # nothing is fetched: the first line of each file names its schema
        "completion": True,
        "hover": True,
        "validate": True,
    }
}


class Editor:
    """One running language server; positions count from 0, as in the protocol."""

    def __init__(self, program: Path, root: Path):
        self._server = subprocess.Popen(
            [str(program), "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._number = 0
        self.mistakes = {}
        capabilities = {
            "textDocument": {
                "completion": {"completionItem": {"documentationFormat": ["markdown"], "snippetSupport": True}},
                "hover": {"contentFormat": ["markdown"]},
            },
            "workspace": {"configuration": True},
        }
        self.ask("initialize", {"processId": None, "rootUri": root.as_uri(), "capabilities": capabilities})
        self.tell("initialized", {})
        self.tell("workspace/didChangeConfiguration", {"settings": _SETTINGS})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.kill()
        self._server.wait()
        self._server.stdin.close()
        self._server.stdout.close()

    def open(self, file, text):
        document = {"uri": file.as_uri(), "languageId": "yaml", "version": 1, "text": text}
        self.tell("textDocument/didOpen", {"textDocument": document})

    def complete(self, file, line, character):
        """The offered entries by their label."""
        found = self.ask("textDocument/completion", self._at(file, line, character))
        items = found if isinstance(found, list) else found["items"]
        return {item["label"]: item for item in items}

    def hover(self, file, line, character):
        found = self.ask("textDocument/hover", self._at(file, line, character))
        return found["contents"]["value"] if found else ""

    def wait_for_mistakes(self, file):
        """What the editor underlines, once the server has looked at the file."""
        while file.as_uri() not in self.mistakes:
            self._take(self._read())
        return self.mistakes[file.as_uri()]

    def ask(self, method, params):
        self._number += 1
        asked = self._number
        self._send({"id": asked, "method": method, "params": params})
        while True:
            message = self._read()
            if message.get("id") == asked and "method" not in message:
                assert "error" not in message, message["error"]
                return message["result"]
            self._take(message)

    def tell(self, method, params):
        self._send({"method": method, "params": params})

    def _at(self, file, line, character):
        return {"textDocument": {"uri": file.as_uri()}, "position": {"line": line, "character": character}}

    def _take(self, message):
        """What the server says and asks by itself."""
        if message.get("method") == "textDocument/publishDiagnostics":
            self.mistakes[message["params"]["uri"]] = message["params"]["diagnostics"]
        elif message.get("method") == "workspace/configuration":
            wanted = [item.get("section", "") for item in message["params"]["items"]]
            self._send({"id": message["id"], "result": [_SETTINGS.get(section) for section in wanted]})
        elif "id" in message and "method" in message:
            self._send({"id": message["id"], "result": None})

    def _send(self, message):
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._server.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self._server.stdin.flush()

    def _read(self):
        length = 0
        while (line := self._server.stdout.readline()) != b"\r\n":
            assert line, f"the language server ended with code {self._server.wait()}"
            name, _, value = line.decode().partition(":")
            if name.lower() == "content-length":
                length = int(value)
        return json.loads(self._server.stdout.read(length))
