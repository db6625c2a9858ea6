"""Writes the generated parts of docs/measurements/reliability.md, each between two marks.

Usage: page.py NAME <TEXT
"""

import re
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs/measurements/reliability.md"


def add_write(parser):
    parser.add_argument("--write", nargs="?", type=Path, const=PAGE, metavar="PAGE",
                        help="write the result between its marks in PAGE"
                             " (docs/measurements/reliability.md)")


def marks(name):
    """Returns a pattern of three groups: the begin mark of a part, its text, its end mark."""
    begin = rf"<!-- {re.escape(name)}: made by [^>]* -->"
    end = rf"<!-- end of {re.escape(name)} -->"
    return re.compile(f"({begin})(.*?)({end})", re.S)


def part_of(page, name):
    found = marks(name).search(page)
    return found.group(2) if found else ""


def page_with(page, name, text):
    if not marks(name).search(page):
        raise ValueError(f"the page has no marks for {name}")
    return marks(name).sub(lambda part: f"{part.group(1)}\n\n{text}\n\n{part.group(3)}", page)


def write_part(file, name, text):
    file.write_text(page_with(file.read_text(), name, text))


if __name__ == "__main__":
    write_part(PAGE, sys.argv[1], sys.stdin.read().strip())
