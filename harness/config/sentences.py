"""One plain sentence for an error that pydantic found in a config."""

from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

WHY = {"trainer.monitor": "; nothing is chosen on test", "report.margin": "; 0.01 is one point of accuracy"}
"""What a sentence about these keys adds."""


def sentence(model: type[BaseModel], error: Any) -> str:
    """The sentence for an error: the key, what it must be, and what it is."""
    path, value = error["loc"], error["input"]
    key = ".".join(str(part) for part in path if not isinstance(part, int))
    if key == "name" and error["type"] != "missing":
        remedy = f"quote it: 'name=\"{value}\"'" if value != "" else "leave it out, and it is that of the data"
        return f"name must be text, and is {value!r}; {remedy}"
    if error["type"] == "extra_forbidden":
        return f"nothing reads {key}; leave it out"
    if error["type"] == "missing":
        return f"{key} is missing: add {key}=... to the command"
    why = WHY.get(key, "")
    annotation, constraints = _annotation(model, path)
    verb = "not" if get_origin(annotation) is Literal else "and is"
    return f"{key} {_expected(annotation, constraints)} {verb} {value!r}{why}"


def must_be(model: type[BaseModel], key: str) -> str:
    """What a key must be: ``must be a finite number above 0``."""
    return _expected(*_annotation(model, tuple(key.split(".")))).rstrip(",")


def _annotation(model: type[BaseModel], path: tuple[Any, ...]) -> tuple[Any, list[Any]]:
    """The type of the key at a path, and the constraints on its value."""
    annotation: Any = model
    constraints: list[Any] = []
    for part in path:
        annotation = _not_none(annotation)
        if isinstance(part, int):
            annotation, constraints = _plain(get_args(annotation)[0])
        elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
            field = annotation.model_fields[part]
            annotation, constraints = _plain(field.annotation)
            constraints = [*constraints, *field.metadata]
    return _not_none(annotation), constraints


def _not_none(annotation: Any) -> Any:
    if get_origin(annotation) in (Union, UnionType):
        return next(_plain(one)[0] for one in get_args(annotation) if one is not NoneType)
    return annotation


def _plain(annotation: Any) -> tuple[Any, list[Any]]:
    """An annotation without ``Annotated`` and ``None``, and its constraints."""
    if get_origin(annotation) in (Union, UnionType):
        return _plain(next(one for one in get_args(annotation) if one is not NoneType))
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        constraints = [part for one in more for part in (one.metadata if isinstance(one, FieldInfo) else [one])]
        return inner, constraints
    return annotation, []


def _expected(annotation: Any, constraints: list[Any]) -> str:
    """What a key must be, in words."""
    least = next((one.ge for one in constraints if isinstance(one, Ge)), None)
    if get_origin(annotation) is Literal:
        return f"is one of {', '.join(get_args(annotation))},"
    if annotation == list[str]:
        return "must be a list of texts, such as [\"latency/p50_ms<5\"],"
    if get_origin(annotation) is list:
        return "must be a list of whole numbers, such as [128,256],"
    if annotation is int:
        return f"must be a whole number of {least} or more,"
    if annotation is float and any(isinstance(one, Lt) for one in constraints):
        if any(isinstance(one, Gt) for one in constraints):
            return "must be above 0 and below 1,"
        return "must be at least 0 and below 1,"
    if annotation is float and any(isinstance(one, Gt) for one in constraints):
        return "must be a finite number above 0,"
    if annotation is float and any(isinstance(one, Ge) for one in constraints):
        return "must be a finite number of 0 or more,"
    names = {float: "a number", bool: "true or false", str: "text", dict: "a group of keys"}
    return f"must be {names.get(annotation, 'a group of keys')},"
