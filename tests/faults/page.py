"""Parts of docs/measurements/reliability.md that programs write: what stands between two marks. As a program it writes one:
page.py NAME <TEXT
"""

import re
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs/measurements/reliability.md"


def add_write(parser):
    parser.add_argument("--write", nargs="?", type=Path, const=PAGE, metavar="PAGE",
                        help="put what is printed between its marks in docs/measurements/reliability.md, or there")


def marks(name):
    """Of a part: what begins it, its text, what ends it."""
    return re.compile(rf"(<!-- {re.escape(name)}: made by [^>]* -->)(.*?)(<!-- end of {re.escape(name)} -->)", re.S)


def part_of(page, name):
    found = marks(name).search(page)
    return found.group(2) if found else ""


def page_with(page, name, text):
    if not marks(name).search(page):
        raise ValueError(f"the page has no marks of {name}")
    return marks(name).sub(lambda part: f"{part.group(1)}\n\n{text}\n\n{part.group(3)}", page)


def write_part(file, name, text):
    file.write_text(page_with(file.read_text(), name, text))


if __name__ == "__main__":
    write_part(PAGE, sys.argv[1], sys.stdin.read().strip())
