"""Reading the pages: their blocks, tables and what they set as code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
PAGES = [README, *sorted(DOCS.glob("*.md"))]
IDS = [str(page.relative_to(ROOT)) for page in PAGES]


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block. line: of its first line of content. marks: the comments since the block before it."""

    language: str
    text: str
    line: int
    marks: tuple[str, ...]


def read_blocks(page: Path) -> list[Block]:
    """Return the blocks of a page, and last an empty one that holds the marks after them."""
    blocks: list[Block] = []
    marks: list[str] = []
    language: str | None = None
    content: list[str] = []
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("```"):
            if language is None:
                language, content = line[3:].strip(), []
            else:
                blocks.append(Block(language, "\n".join(content) + "\n", number - len(content), tuple(marks)))
                language, marks = None, []
        elif language is not None:
            content.append(line)
        elif mark := re.fullmatch(r"<!-- (.+) -->", line):
            marks.append(mark[1])
    assert language is None, f"{page}: a block is not closed"
    return [*blocks, Block("", "", 0, tuple(marks))]


def code_in(text: str) -> str:
    """Return what a page sets as code, in blocks and within sentences."""
    blocks = re.findall(r"^```.*?^```", text, re.MULTILINE | re.DOTALL)
    rest = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return "\n".join([*blocks, *re.findall(r"`([^`\n]+)`", rest)])


def table_rows(page: str) -> Iterator[list[str]]:
    """Yield the cells of each row of each table."""
    for line in (DOCS / page).read_text(encoding="utf-8").splitlines():
        if line.startswith("|"):
            yield [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def text_of(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


def first_cells(page: str) -> set[str]:
    """Return what stands as code in the first cells of the tables of a page."""
    return {code for row in table_rows(page) for code in re.findall(r"`([^`]+)`", row[0])}


def folders_in_the_list_of_files() -> dict[str, set[str]]:
    """Return the folders that have a heading of their own, each with the files in the table below it."""
    found: dict[str, set[str]] = {}
    for section in re.split(r"^#+ ", text_of("files.md"), flags=re.MULTILINE)[1:]:
        if folder := re.match(r"`(inngest[\w/]*)/`\n", section):
            rows = re.findall(r"^\| (`[^|]+) \|", section, re.MULTILINE)
            found[folder[1]] = {name for row in rows for name in re.findall(r"`(\w+\.py)`", row)}
    return found
