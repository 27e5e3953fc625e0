"""Record classes like those of ``dataclasses``: importing that module takes longer than a small link.

``dataclasses.fields``, ``replace`` and similar functions accept these classes. A class whose instances compiled code
compares defines the comparison itself: mypyc does not see what a decorator adds.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from typing_extensions import dataclass_transform

    _Class = TypeVar("_Class", bound=type)
else:

    def dataclass_transform():
        return lambda function: function


class _Fields:
    """``__dataclass_fields__``, computed on access."""

    def __get__(self, instance: object, owner: type) -> dict[str, Any]:
        from dataclasses import field, fields, make_dataclass

        defaults = owner.__dict__["_defaults"]
        rows: list[tuple[str, Any, Any]] = [
            (name, type_, field(default=defaults[name]) if name in defaults else field())
            for name, type_ in owner.__annotations__.items()
        ]
        return {field.name: field for field in fields(make_dataclass(owner.__name__, rows, kw_only=True))}


@dataclass_transform()
def record(*, frozen: bool = False, kw_only: bool = False, slots: bool = False) -> Callable[[_Class], _Class]:
    """Give a class a constructor, comparison and ``repr`` from its annotated fields. No other attribute can be set;
    with ``frozen`` none can, and instances are hashable. With ``slots``, which requires ``frozen``, they take a third
    of the memory."""

    def decorate(cls: _Class) -> _Class:
        names = tuple(cls.__annotations__)
        known = frozenset(names)
        store = object.__setattr__
        defaults = {name: cls.__dict__[name] for name in names if name in cls.__dict__}
        finish = cls.__dict__.get("__post_init__")
        what = cls.__name__

        def initialize(self: Any, *arguments: Any, **keywords: Any) -> None:
            values = keywords
            if arguments or len(keywords) != len(names) or not known.issuperset(keywords):
                values = complete(arguments, keywords)
            if slots:
                for name in names:
                    store(self, name, values[name])
            else:
                self.__dict__.update(values)
            if finish is not None:
                finish(self)

        def complete(arguments: tuple[Any, ...], keywords: dict[str, Any]) -> dict[str, Any]:
            """Return the value of each field."""
            if len(arguments) > (0 if kw_only else len(names)):
                raise TypeError(f"too many arguments without a name for {what}")
            given = dict(zip(names, arguments))
            if not known.issuperset(keywords) or not given.keys().isdisjoint(keywords):
                unexpected = [name for name in keywords if name not in known or name in given]
                raise TypeError(f"unexpected arguments for {what}: {', '.join(unexpected)}")
            values = {**defaults, **given, **keywords}
            if len(values) != len(names):
                missing = [name for name in names if name not in values]
                raise TypeError(f"missing arguments for {what}: {', '.join(missing)}")
            return values

        def assign(self: Any, name: str, value: Any) -> None:
            if frozen:
                raise AttributeError(f"cannot assign to field {name!r}")
            if name not in known:
                raise AttributeError(f"{what!r} has no field {name!r}")
            self.__dict__[name] = value

        def values_of(self: Any) -> tuple[Any, ...]:
            return tuple([getattr(self, name) for name in names])

        def equals(self: Any, other: Any) -> bool:
            return values_of(self) == values_of(other) if type(other) is type(self) else NotImplemented

        def show(self: Any) -> str:
            return f"{what}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"

        attributes: dict[str, Any] = {
            "__init__": initialize,
            "__setattr__": assign,
            "__eq__": equals,
            "__hash__": (lambda self: hash(values_of(self))) if frozen else None,
            "__repr__": show,
            "__match_args__": () if kw_only else names,
            "__dataclass_fields__": _Fields(),
            "_defaults": defaults,
        }
        if slots:
            # Neither pickle nor copy may set the fields of a frozen instance.
            attributes |= {"__slots__": names, "__reduce__": lambda self: (type(self), values_of(self))}
            own = {
                name: value for name, value in cls.__dict__.items() if name not in (*names, "__dict__", "__weakref__")
            }
            return type(cls)(what, cls.__bases__, own | attributes)
        for name, value in attributes.items():
            setattr(cls, name, value)
        return cls

    return decorate
