"""Enumerations like those of ``enum``: importing that module, with what it imports, takes a tenth of a small link."""

from __future__ import annotations

__all__ = ["Enumeration"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from enum import Enum as Enumeration
else:

    class _EnumerationType(type):
        """Makes each public attribute of the class's body a member, in order."""

        def __new__(mcs, name, bases, namespace):
            values = {key: value for key, value in namespace.items() if not key.startswith("_")}
            kept = {key: value for key, value in namespace.items() if key not in values}
            cls = super().__new__(mcs, name, bases, kept)
            members = {}
            for key, value in values.items():
                member = members[key] = object.__new__(cls)
                member.__dict__.update(name=key, value=value)
                type.__setattr__(cls, key, member)
            type.__setattr__(cls, "__members__", members)
            return cls

        def __call__(cls, value):
            """Return the member with a value; a member is its own."""
            for member in cls:
                if value is member or value == member.value:
                    return member
            raise ValueError(f"{value!r} is not a valid {cls.__qualname__}")

        def __iter__(cls):
            return iter(cls.__members__.values())

        def __len__(cls):
            return len(cls.__members__)

        def __getitem__(cls, name):
            return cls.__members__[name]

        def __contains__(cls, value):
            return any(value is member or value == member.value for member in cls)

        def __setattr__(cls, name, value):
            raise AttributeError(f"cannot assign to {name!r} of {cls.__qualname__!r}")

    class Enumeration(metaclass=_EnumerationType):
        """Base of an enumeration. A member has a ``name`` and a ``value``, and is equal to itself only."""

        def __setattr__(self, name, value):
            raise AttributeError(f"cannot assign to {name!r} of a member")

        def __str__(self):
            return f"{type(self).__name__}.{self.name}"

        def __repr__(self):
            return f"<{self}: {self.value!r}>"

        def __reduce__(self):
            return type(self), (self.value,)

        def __copy__(self):
            return self

        def __deepcopy__(self, memo):
            return self
