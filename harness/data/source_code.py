"""The hash of source code by what it does: comments, docstrings and layout do not count."""

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
"""What may hold docstrings, of its own and of the constants in it, like this one."""


def digest(files: Iterable[Path]) -> str:
    """SHA-256 over the names and syntax trees of Python files; a file that is not valid Python counts by its bytes."""
    whole = hashlib.sha256()
    for file in files:
        stat = file.stat()
        whole.update(file.name.encode() + b"\0" + _file_digest(file, stat.st_mtime_ns, stat.st_size))
    return whole.hexdigest()


@cache
def _file_digest(file: Path, _modified_ns: int, _size: int) -> bytes:
    content = file.read_bytes()
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):
        return hashlib.sha256(content).digest()
    parts: list[str] = []
    _append_parts(tree, parts)
    return hashlib.sha256("\0".join(parts).encode()).digest()


def _append_parts(node: Any, parts: list[str]) -> None:
    """Append what ``ast.dump`` would print, in a third of its time: every command hashes the code before it starts."""
    if isinstance(node, ast.AST):
        parts.append(type(node).__name__)
        if isinstance(node, DOCUMENTED):
            node.body = [statement for statement in node.body if not _is_docstring(statement)]
        for name, value in ast.iter_fields(node):
            if name != "ctx":  # load or store: the position says so already, and this is a third of all nodes
                _append_parts(value, parts)
    elif isinstance(node, list):
        parts.append("[")
        for item in node:
            _append_parts(item, parts)
        parts.append("]")
    else:
        parts.append(repr(node))


def _is_docstring(statement: ast.stmt) -> bool:
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)
