"""Parts of docs/reliability.md that programs write: what stands between two marks."""

from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs/reliability.md"


def add_write(parser):
    parser.add_argument("--write", nargs="?", type=Path, const=PAGE, metavar="PAGE",
                        help="put what is printed between its marks in docs/reliability.md, or there")


def marks(name):
    return f"<!-- {name}: made by tools/faults {name} -->", f"<!-- end of {name} -->"


def part_of(page, name):
    begin, end = marks(name)
    return page.partition(begin)[2].partition(end)[0]


def page_with(page, name, text):
    begin, end = marks(name)
    if begin not in page or end not in page:
        raise ValueError(f"the page has no marks of {name}")
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n\n{text}\n\n{end}{after}"


def write_part(file, name, text):
    file.write_text(page_with(file.read_text(), name, text))
