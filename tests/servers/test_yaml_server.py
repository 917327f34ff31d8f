"""How yaml-language-server is had."""

import pytest

from engine.servers.errors import SetupError
from engine.servers.yaml_server import VERSION, find_yaml_server


def test_without_npm_the_reason_is_said_and_nothing_is_left(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupError, match="no `node` on PATH") as refused:
        find_yaml_server()
    assert refused.value.code == "no-yaml-server"
    assert "install Node.js" in refused.value.hint
    assert [path.name for path in (tmp_path / "cache").rglob("*") if path.name != ".lock"] == [
        "regulars",
        f"yaml-language-server-{VERSION}",
    ]


def test_what_was_fetched_once_is_found_without_npm(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    there = tmp_path / "regulars" / f"yaml-language-server-{VERSION}" / "npm"
    there.mkdir(parents=True)
    assert find_yaml_server() == there / "node_modules" / ".bin" / "yaml-language-server"
