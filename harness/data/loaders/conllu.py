"""Loader of CoNLL-U files: treebanks of Universal Dependencies (de Marneffe et al. 2021), words with tags."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from harness.data.cache import cached_by
from harness.data.dataset import Dataset
from harness.data.loaders.archives import Source
from harness.data.loaders.conll import TAGS, WORDS
from harness.data.loaders.hub import content_key, local_copy, not_below_mirror
from harness.data.loaders.raw_table import Choose, Columns, FaultError
from harness.data.loaders.splits import Part
from harness.data.loaders.tagging import encode_tagged
from harness.errors import UserError

COLUMNS = ("upos", "xpos", "deprel")
ROLES = {"train": "train", "validation": "dev", "test": "test"}


def _key(source: str, **settings: Any) -> str:
    _folder(source)
    return f"{content_key(source, '')} {sorted(settings.items())}"


@cached_by(_key)
def load_treebank(source: str, column: str = "upos", **settings: Any) -> Dataset:
    """The words of a treebank with a tag each, in the published split.

    Words are the syntactic words of the annotation: a contraction is split into its parts, and words that the text
    omits (empty nodes) are left out. ``column`` is ``upos`` (universal parts of speech), ``xpos`` (the treebank's own
    parts of speech) or ``deprel`` (the relation to the head). ``settings`` are those of ``encode_tagged``.

    Raises:
        UserError: there is no such folder, file or column, or a word has no tag in this column.
    """
    if column not in COLUMNS:
        raise UserError(f"data.column is one of {', '.join(COLUMNS)}, not {column!r}")
    parts = {role: _read(_file(source, published), column) for role, published in ROLES.items()}
    return encode_tagged(parts, source=source, column="data.column", **settings)


def _folder(source: str) -> Path:
    folder = local_copy(source)
    if folder is None:
        raise UserError(
            f"data: no treebank {source!r}: {not_below_mirror(source)}, and there is no folder of that name here; "
            f"clone its repository ({source} on GitHub) and set data.source to the folder"
        )
    return folder


def _file(source: str, published: str) -> Path:
    folder = _folder(source)
    files = sorted(folder.glob(f"*-ud-{published}.conllu"))
    if len(files) != 1:
        raise UserError(f"data: {folder} holds {len(files)} files *-ud-{published}.conllu; expected one")
    return files[0]


def _read(file: Path, column: str) -> Part:
    words, tags = [], []
    with open(file, encoding="utf-8-sig") as opened:
        try:
            for sentence, tokens in _sentences(opened):
                words.append(tuple(token["form"] for token in tokens))
                tags.append(tuple(token[column] for token in tokens))
                if None in tags[-1] or "_" in tags[-1]:
                    named = sentence.metadata.get("sent_id", len(words))
                    raise UserError(f"data: {file}, sentence {named} has a word without {column!r}; use another column")
        except UnicodeDecodeError as error:
            raise UserError(f"data: {file} is not UTF-8, as CoNLL-U must be: byte {error.start} is invalid") from None
        except FaultError as error:
            raise UserError(f"data: {file} is not CoNLL-U: {error.what}") from None
    return words, tags


def read_conllu(source: Source, choose: Choose) -> Columns:
    """The columns of a CoNLL-U file: for each sentence, the list of its words or tags; a word without a tag has None.

    ``words`` are the forms; ``tags`` is another name of ``upos``.

    Raises:
        FaultError: the file is not CoNLL-U.
    """
    fields = {WORDS: "form", TAGS: "upos", "lemma": "lemma"} | {name: name for name in COLUMNS}
    columns: Columns = {name: [] for name in choose(list(fields))}
    with source.text() as opened:
        for _, tokens in _sentences(opened):
            for name, rows in columns.items():
                row = [token[fields[name]] for token in tokens]
                rows.append(row if name == WORDS else [None if one == "_" else one for one in row])
    return columns


def _sentences(opened: TextIO) -> Iterator[tuple[Any, list[Any]]]:
    """Each sentence with its words: those of contractions, without words that the text omits."""
    import conllu.exceptions

    fields = ["id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel"]
    done = 0
    try:
        for sentence in conllu.parse_incr(opened, fields=fields):
            # id 3-4 is a contraction, whose words follow; 8.1 is an empty node, a word that the text omits
            tokens = [token for token in sentence if isinstance(token["id"], int)]
            if tokens:  # else only comments or empty nodes
                yield sentence, tokens
            done += 1
    except conllu.exceptions.ParseException as error:
        raise FaultError(f"sentence {done + 1}: {str(error).splitlines()[0]}", "correct it") from None
