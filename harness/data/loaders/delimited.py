"""Tables as csv and tsv: fields between separators, with or without quotes around them.

Rows are counted from 1 below the header; a field in quotes may extend over several lines of the file.

Two kinds of files have the same endings. In one, quotes enclose a field that contains a separator, a line break or a
quote (RFC 4180; pandas and Excel write it). In the other, every line is a row, and a quote is a character like any
other (many tsv). To read the second kind as the first loses rows without an error: a field that begins with a quote
swallows all rows up to the next quote. ``read_delimited`` decides in this order:

1. It reads quotes as enclosing, strictly: only a separator or the end of the row may follow a closing quote, every
   quote must be closed, and every row must have as many fields as the header. Any other row is a fault.
2. Without a fault, a row over several lines may still be several rows, between two stray quotes. ``swallowed_rows``
   looks for them. The file alone does not tell what is right, so the user must decide with ``data.quotes``.
3. At a fault, it reads every line as a row, with quotes as part of the texts. The file is read so, and the user is
   told, if every line has the right number of fields, and no field shows that a program quoted it (a quoted header or
   label, a doubled quote inside a quoted field). Otherwise the fault is an error that names the row. A line break
   outside quotes is no sign of either kind, so there a field that begins with a quote makes it an error too.
"""

import csv
import re
from contextlib import suppress
from dataclasses import dataclass, replace

from harness.data.loaders.archives import Source
from harness.data.loaders.raw_table import Choose, Columns, FaultError, RawTable
from harness.data.loaders.swallowed_rows import Suspect, find_suspects, refuse_swallowed_rows
from harness.errors import UserError

SEPARATORS = {".csv": ",;\t", ".tsv": "\t"}
"""Possible separators of fields; Excel writes semicolons in countries where the comma is the decimal sign."""
SAMPLE = 2**16
"""Characters at the start of a csv from which its separator is inferred."""
LONGEST_FIELD = 2**24
"""Characters of a field; a longer one is what a quote that nothing closes has swallowed."""
QUOTES = ("auto", "enclose", "text")
BARE_RETURN = "has a line break (CR) outside quotes"


@dataclass(frozen=True)
class Form:
    """How a file is written: its separator, where its lines end, and whether spaces follow separators."""

    separator: str
    newline: str
    declared: bool
    """The first line declares the separator, above the header."""
    spaced: bool


def read_delimited(source: Source, choose: Choose, quotes: str = "auto") -> tuple[Columns, str]:
    """The columns of a csv or tsv file, and what the user should know about how it was read.

    ``quotes``: they ``enclose`` fields, they are part of the ``text``, or this is found out (``auto``).

    Raises:
        FaultError: a row does not fit; the message names it.
        UserError: a column is missing, a row can be read in two ways, or ``quotes`` has another value.
    """
    if quotes not in QUOTES:
        raise UserError(f"data.quotes is one of {', '.join(QUOTES)}, not {quotes!r}")
    form = _form(source)
    if quotes == "text":
        return _read_lines(source, form, choose).columns, ""
    table: RawTable | None
    try:
        table = _read_enclosed(source, form, choose, quotes)
    except FaultError as error:
        table, fault = None, error
    if table and (form.spaced or not _has_quotes_behind_spaces(source, form, table)):
        return table.columns, ""
    with suppress(FaultError):
        return _read_enclosed(source, replace(form, spaced=True), choose, quotes).columns, ""
    if table:
        return table.columns, ""
    if quotes == "enclose":
        raise fault
    return _read_lines_instead(source, form, choose, fault)


def _read_lines_instead(source: Source, form: Form, choose: Choose, fault: FaultError) -> tuple[Columns, str]:
    """The columns if every line is a row, of a file in which quotes cannot enclose fields, because of ``fault``.

    Raises:
        FaultError: lines are no rows either, or quotes seem to enclose fields elsewhere in the file.
    """
    try:
        table = _read_lines(source, form, choose)
    except FaultError as error:
        if str(error) == str(fault):
            raise fault from None
        raise FaultError(fault.what, f"{fault.remedy} (with data.quotes=text, {error.what})") from None
    except UserError:  # quotes around the names in the header
        raise fault from None
    if _shows_quoting(table):
        raise fault
    if fault.what.endswith(BARE_RETURN) and any(one.startswith('"') for own in table.columns.values() for one in own):
        # the fault says nothing about quotes, which may enclose a line break elsewhere
        own = "set data.quotes=text if every line is a row, with quotes as part of the texts"
        raise FaultError(fault.what, f"{fault.remedy}, or {own}")
    return table.columns, f", every line as a row and quotes as part of the texts ({fault.what})"


def _form(source: Source) -> Form:
    with source.text(newline="") as opened:
        start = opened.read(SAMPLE)
    declared = re.match(r"sep=(.)\r?\n", start)  # Excel can declare the separator in a line above the header
    separator = declared[1] if declared else _separator(start, SEPARATORS[source.kind])
    header = start[declared.end() if declared else 0 :].lstrip("\r\n").partition("\n")[0]
    later_names = header.rstrip("\r").split(separator)[1:]
    spaced = bool(later_names) and all(re.match(" +[^ ]", name) for name in later_names)
    return Form(separator, "\n" if "\n" in start else "", declared is not None, spaced)


def _separator(start: str, separators: str) -> str:
    """The separator that gives most of the first rows as many fields as the header; of several, the most fields."""

    def fit(separator: str, text: str) -> tuple[float, int]:
        rows = text.splitlines()
        rows = rows[:-1] if len(start) == SAMPLE and len(rows) > 1 else rows  # the last may be cut
        counts = [row.count(separator) for row in rows if row]
        return (counts.count(counts[0]) / len(counts), counts[0]) if counts and counts[0] else (0, 0)

    unquoted = re.sub(r'"[^"]*"', "", start)
    return max(separators, key=lambda one: max(fit(one, unquoted), fit(one, start)))


def _read_enclosed(source: Source, form: Form, choose: Choose, quotes: str) -> RawTable:
    """The table, if quotes enclose fields.

    Raises:
        FaultError: a row does not fit.
        UserError: ``quotes`` is ``auto``, and a row over several lines may be several rows.
    """
    csv.field_size_limit(LONGEST_FIELD)  # of the whole process; nothing else here reads csv with this module
    table, suspects = RawTable(choose), list[Suspect]()
    with source.text(newline=form.newline) as opened:
        if form.declared:
            next(opened)
        reader = csv.reader(opened, delimiter=form.separator, strict=True, skipinitialspace=form.spaced)
        try:
            header = next(filter(None, reader), [])
            picks, end = table.start(header), reader.line_num
            for fields in reader:
                start, end = end + 1, reader.line_num
                if len(fields) != table.width:
                    if table.is_blank(fields):
                        continue
                    fields = table.fit(fields)
                table.add(fields)
                if end > start:
                    table.on_one_line = False
                    suspects += find_suspects(table, fields, form.separator, form.spaced, start + form.declared)
                for append, index in picks:
                    append(fields[index])
        except csv.Error as error:
            raise _quoting_fault(str(error), table) from None
    if quotes == "auto":
        refuse_swallowed_rows(suspects, table, str(source.file))
    return table


def _quoting_fault(reason: str, table: RawTable) -> FaultError:
    row = f"row {table.rows + 1}" if table.width else "the header"
    if "end of data" in reason:
        what = f"{row} opens a quote that nothing closes"
    elif "field limit" in reason:
        what = f"{row} has a field of more than {LONGEST_FIELD:,} characters, as after a quote that nothing closes"
    elif "expected after" in reason:
        what = f"{row} opens a quote, and something other than a separator follows the next quote"
    elif "new-line" in reason:
        return FaultError(f"{row} {BARE_RETURN}", "put double quotes around the text")
    else:
        return FaultError(f"{row}: {reason}", "correct the row")
    return FaultError(what, "close it, or double each quote inside a quoted text")


def _read_lines(source: Source, form: Form, choose: Choose) -> RawTable:
    """The table, if every line is a row and quotes are part of the texts."""
    table = RawTable(choose)
    picks = None
    with source.text(newline=form.newline) as opened:
        if form.declared:
            next(opened)
        for line in opened:
            fields = line.removesuffix("\n").removesuffix("\r").split(form.separator)
            if form.spaced:
                fields = [field.lstrip(" ") for field in fields]
            if picks is None:
                picks = table.start(fields) if fields != [""] else None
                continue
            if len(fields) != table.width:
                if table.is_blank(fields):
                    continue
                fields = table.fit(fields)
            table.add(fields)
            for append, index in picks:
                append(fields[index])
    return table


def _shows_quoting(table: RawTable) -> bool:
    """Whether a table that was read by lines has fields that a program quoted."""
    short = [table.names, *(table.columns[name] for name in table.label_names)]
    return any(_is_quoted(field) for column in short for field in column) or any(
        _is_quoted(field) and '""' in field[1:-1] and '"' not in field[1:-1].replace('""', "")
        for column in table.columns.values()
        for field in column
    )


def _is_quoted(field: str) -> bool:
    return len(field) > 1 and field[0] == field[-1] == '"'


def _has_quotes_behind_spaces(source: Source, form: Form, table: RawTable) -> bool:
    """Whether spaces stand between separators and opening quotes, although the header has no spaces.

    If every row is on one line, the first quote of a line opens a field, unless the field is unquoted.
    """
    if not table.on_one_line or not any(
        field[:1] == " " and field.lstrip(" ")[:1] == '"' for column in table.columns.values() for field in column
    ):
        return False
    opening = re.compile(rf'[^"]*{re.escape(form.separator)} +"(?!")')
    with source.text(newline=form.newline) as opened:
        return any(opening.match(line) for line in opened)
