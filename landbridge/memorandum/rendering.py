"""A memorandum as a page for those who sign it: Markdown, or HTML that is ready to print.

The page says in sentences everything that is signed, and names the SHA-256 of the signed writing,
so that a signatory can see that what was read is what is signed.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Final

from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.sentences import (
    NOTHING_ELSE,
    clause_sentence,
    general_sentences,
    term_sentences,
)

_MARKS: Final = re.compile(r"([\\`*_\[\]<>|&#~])")
"""What means something to a reader of Markdown in the middle of a line."""

_STYLE: Final = """
:root { color-scheme: light; }
body { margin: 0; background: #fff; color: #1a1a1a; font: 1.0625rem/1.55 Georgia, serif; }
main { max-width: 44rem; margin: 0 auto; padding: 2rem 1.25rem; }
h1 { font-size: 1.75rem; line-height: 1.25; }
h2 { font-size: 1.2rem; margin-top: 2rem; }
.text { font: 0.875rem/1.4 ui-monospace, monospace; overflow-wrap: anywhere; }
p, li { overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; padding-bottom: 0.5rem; }
th, td { border: 1px solid #595959; padding: 0.5rem; text-align: left; overflow-wrap: anywhere; }
@page { margin: 20mm; }
@media print {
  body { font-size: 11pt; }
  main { max-width: none; padding: 0; }
  section, tr { break-inside: avoid; }
  h2 { break-after: avoid; }
}
"""


@dataclass(frozen=True, slots=True)
class _Section:
    """A part of the page: a sentence, and more of them as a list."""

    heading: str
    sentence: str
    items: tuple[str, ...] = ()


def to_markdown(memorandum: Memorandum, keys: Mapping[str, str]) -> str:
    """Write the page as Markdown; `keys` has the key id by which each party has signed."""
    lines = [f"# {_plain(memorandum.title)}", "", _plain(_name(memorandum)), ""]
    lines += [f"Text (SHA-256): `{memorandum.digest}`", ""]
    for section in _sections(memorandum):
        lines += [f"## {_plain(section.heading)}", ""]
        if section.sentence:
            lines += [_plain(section.sentence), ""]
        if section.items:
            lines += [*(f"- {_plain(item)}" for item in section.items), ""]
    lines += ["## Signatures", "", "| party | key |", "|---|---|"]
    lines += [
        f"| {_plain(party)} | {_plain(keys.get(party, 'not signed yet'))} |"
        for party in memorandum.parties
    ]
    return "\n".join(lines) + "\n"


def to_html(memorandum: Memorandum, keys: Mapping[str, str]) -> str:
    """Write the page as one HTML file that needs nothing else; `keys` as for Markdown."""
    return "\n".join(_html_lines(memorandum, keys)) + "\n"


def _html_lines(memorandum: Memorandum, keys: Mapping[str, str]) -> Iterator[str]:
    title = escape(memorandum.title)
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    # Nothing that a memorandum holds could load or run anything, even if it were not escaped.
    yield (
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    )
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>"
    yield f"<h1>{title}</h1>\n<p>{escape(_name(memorandum))}</p>"
    yield f'<p>Text (SHA-256): <span class="text">{memorandum.digest}</span></p>'
    for number, section in enumerate(_sections(memorandum)):
        yield f'<section aria-labelledby="s{number}">'
        yield f'<h2 id="s{number}">{escape(section.heading)}</h2>'
        if section.sentence:
            yield f"<p>{escape(section.sentence)}</p>"
        if section.items:
            yield "<ul>"
            yield from (f"<li>{escape(item)}</li>" for item in section.items)
            yield "</ul>"
        yield "</section>"
    yield '<section aria-labelledby="signatures">\n<h2 id="signatures">Signatures</h2>\n<table>'
    yield "<caption>Who has signed this text, and with which key</caption>"
    yield '<thead><tr><th scope="col">Party</th><th scope="col">Key</th></tr></thead>\n<tbody>'
    for party in memorandum.parties:
        key = escape(keys.get(party, "not signed yet"))
        yield f'<tr><th scope="row">{escape(party)}</th><td>{key}</td></tr>'
    yield "</tbody>\n</table>\n</section>\n</main>\n</body>\n</html>"


def _name(memorandum: Memorandum) -> str:
    return f"Memorandum {memorandum.id} between {len(memorandum.parties)} parties."


def _sections(memorandum: Memorandum) -> Iterator[_Section]:
    yield _Section("What holds for every clause", "", tuple(general_sentences(memorandum)))
    for grant in memorandum.grants:
        yield _Section(
            f"Clause {grant.clause}",
            clause_sentence(memorandum, grant).removeprefix(f"Clause {grant.clause}: "),
            tuple(term_sentences(grant)),
        )
    yield _Section("What is not allowed", NOTHING_ELSE)


def _plain(text: str) -> str:
    return _MARKS.sub(r"\\\1", text)
