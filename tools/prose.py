"""Numbers in a lesson's prose: none without an origin (`unsupported`)."""

import re
from decimal import Decimal

CODE = re.compile(r"^```.*?^```\s*?$|`[^`\n]*`|<!--.*?-->", re.MULTILINE | re.DOTALL)
MARKUP = re.compile(r"!\[[^\]]*\]\([^)]*\)|(?<=\])\([^)\s]*\)|https?://\S+|<[a-zA-Z/][^>]*>")
HEADING = re.compile(r"^#+ .*$", re.MULTILINE)
FORMULA = re.compile(r"\$\$(.+?)\$\$|\$(.+?)\$", re.DOTALL)
POWER = re.compile(r"(?:(\d)\s*(?:\\times|\\cdot|×|·)\s*)?10(?:\^\{?([-−]?\d+)\}?|([⁻⁰¹²³⁴-⁹]+))")
SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹−", "-0123456789-")
SYMBOL = re.compile(r"\\(times|cdot|approx|pm|le|leq|ge|geq|lt|gt|ldots|dots|quad|[,;:!% ])")

NUMBER = re.compile(
    r"(?<![\w.])(?<![A-Za-z]-)"
    r"(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d*\.\d+|\d+)(?P<power>e[-+−]?\d+)?"
    r"(?P<percent>\s?(?:%|per ?cent\b))?(?!\d|st\b|nd\b|rd\b|th\b)"
)
PRINTED = re.compile(r"(?<![\d.])(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d*\.\d+|\d+)(?:e[-+]?\d+)?")

REFERENCE = re.compile(
    r"\b(?:lessons?|exercises?|sections?|chapters?|figures?|fig\.|tables?|equations?|eqs?\.|"
    r"theorems?|pages?|pp?\.|homeworks?|python|CC BY(?:-SA)?|vol\.|no\.)"
    r"[\s(]*\d[\d.]*(?:(?:[–-]|,? and |, | to )\d[\d.]*)*",
    re.IGNORECASE,
)
# Minutes of a learner's time are a promise of the course, not a result: `**Time** 60 min reading`.
TIME_BUDGET = re.compile(r"\d+(?:\s?[–-]\s?\d+)?\s(?:min|h)\b")
YEAR = r"(?:18|19|20)\d\d[a-z]?\b"
CITATION = re.compile(
    rf"\b[A-Z][\w'’-]+(?:\set\sal\.?)?(?:['’]s?)?\s[(\[]{YEAR}"
    rf"|[(\[][^()\[\]]*\b[A-Z][\w'’-]+(?:,|\set\sal\.?,?|['’]s?)\s{YEAR}"
    rf"|[(\[][^()\[\]]*\b[A-Z][\w'’-]+\s(?:&|and)\s[A-Z][\w'’-]+\s{YEAR}"
)
NEW_UNIT = re.compile(r"\s*(?:[-*+]\s|\d+[.)]\s|\|)")
SENTENCE_END = re.compile(r"(?<=[.!?])[)\"”*_]*\s+(?=[\"“(*_\[$A-Z0-9])")
ABBREVIATION = re.compile(r"\b(et al|e\.g|i\.e|vs|cf|Fig|Eq|Eqs|p|pp|No|vol)\.(?=\s)")


def unsupported(notebook):
    """Find the numbers in prose that nothing vouches for.

    The rule: in each Markdown cell, a number written in digits either stands in an output of a
    cell above, with the same value, or shares its sentence, list item or table row with a citation
    such as 'Baldi & Hornik (1989)' or '[Vincent et al., 2010]'.

    - A number is a decimal, a percentage, a power of ten, or an integer from 10 on.
    - Values are compared, not spellings: .05 is 0.05, '5 %' is '5%' and 5, 60,000 is 60000; the
      sign doesn't count. 0.09 is not 0.0935: print what you write.
    - Not looked at: code, links' targets, headings, formulas with a letter in them, references
      (lesson 2, section 3.3, page 17), names (MP-10, L2), ordinals, and minutes of a
      learner's time.

    Parameters
    ----------
    notebook : NotebookNode
        A built notebook.

    Returns
    -------
    list of (int, str, str)
        Index of the cell, the number, and where it stands.
    """
    printed: set[Decimal] = set()
    found = []
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            printed |= printed_values(cell)
        elif cell.cell_type == "markdown":
            for unit in units(cell.source):
                if not CITATION.search(unit):
                    found += [
                        (index, number, unit.strip())
                        for number, value in numbers(unit)
                        if value not in printed
                    ]
    return found


def units(markdown):
    """The sentences, list items and table rows of a cell, as plain text."""
    text = HEADING.sub("", CODE.sub(" ", markdown))
    text = FORMULA.sub(plain_formula, MARKUP.sub("", text))
    for block in re.split(r"\n\s*\n", text):
        lines = re.sub(r"^>\s?", "", block, flags=re.MULTILINE).split("\n")
        starts = [i for i, line in enumerate(lines) if i == 0 or NEW_UNIT.match(line)]
        for start, stop in zip(starts, [*starts[1:], len(lines)], strict=True):
            unit = " ".join(line.strip() for line in lines[start:stop])
            if NEW_UNIT.match(unit):
                yield re.sub(r"^\d+[.)]\s", "", unit)
            else:
                yield from SENTENCE_END.split(ABBREVIATION.sub(r"\1", unit))


def plain_formula(match):
    """A formula as text if it holds numbers only, else nothing."""
    text = SYMBOL.sub(" ", power_of_ten(match[1] or match[2]))
    text = text.replace("{,}", ",")
    return " " if re.search(r"[A-Za-z\\]", re.sub(r"\de[-+]?\d", "", text)) else text


def power_of_ten(text):
    """Write 3 × 10⁻⁷ and 10^{-7} as 3e-7 and 1e-7."""
    return POWER.sub(
        lambda match: f"{match[1] or 1}e{(match[2] or match[3]).translate(SUPERSCRIPTS)}", text
    )


def numbers(unit):
    """The numbers of a sentence that need an origin, as written and as value."""
    text = TIME_BUDGET.sub(" ", REFERENCE.sub(" ", power_of_ten(unit)))
    for match in NUMBER.finditer(text):
        written = match["digits"] + (match["power"] or "").replace("−", "-")
        value = Decimal(written.replace(",", ""))
        if match["percent"] or match["power"] or "." in written or value >= 10:
            yield match[0].strip(), value


def printed_values(cell):
    """The values of all numbers in the text that a code cell shows."""
    values = set()
    for text in shown(cell):
        for match in PRINTED.finditer(power_of_ten(text)):
            values.add(Decimal(match[0].replace(",", "")))
            values |= {Decimal(part) for part in match[0].split(",") if "e" not in part}
    return values


def shown(cell):
    """The texts that a code cell shows; the repr of a figure isn't meant to be read."""
    for output in cell.outputs:
        if output.output_type == "stream":
            yield output.text
        data = output.get("data", {})
        if "image/png" not in data:
            yield from (data[kind] for kind in ("text/plain", "text/markdown") if kind in data)
        if "text/html" in data:
            yield re.sub(r"<[^>]+>", " ", data["text/html"])
