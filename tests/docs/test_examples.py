"""Every example runs."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from inngest_core.runtime.transport import Transport
from inngest_core.web.messages import HTTPRequest, HTTPResponse

from .pages import IDS, PAGES, read_blocks
from .running import Network, Page


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    network = Network()

    def refuse(*_: object) -> None:
        raise AssertionError("examples in the docs must not use the network")

    monkeypatch.setenv("INNGEST_DEV", "1")  # as `inngest dev` does
    monkeypatch.setattr(socket.socket, "connect", refuse)

    def fetch(_: Transport, request: HTTPRequest) -> HTTPResponse:
        return network.fetch(request)

    async def fetch_async(_: Transport, request: HTTPRequest) -> HTTPResponse:
        return await network.fetch_async(request)

    monkeypatch.setattr(Transport, "fetch", fetch)
    monkeypatch.setattr(Transport, "fetch_async", fetch_async)
    return network


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_examples_run(page: Path, network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    Page(page, network, monkeypatch).run()


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_marks_are_known(page: Path) -> None:
    for block in read_blocks(page):
        assert block.language in ("", "python", "console", "text", "json", "http"), (page.name, block.line)
        for mark in block.marks:
            assert re.match(r"(file|project|run|test|django test): |(separate|output|console)$", mark), (
                page.name,
                mark,
            )
            if mark in ("output", "console"):
                assert block.language == "text", (page.name, mark)
