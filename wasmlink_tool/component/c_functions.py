"""Functions in C bindings: declarations for the header, and the code between them and the core functions of the ABI.

- Scalars, enums, flags and handles are passed by value, all else through pointers; an option parameter is a pointer
  that may be null.
- A scalar result is returned; other results are stored through ``ret``. A function that gives an option returns whether
  there is a value. One that gives a ``result`` returns whether it succeeded, and stores through ``ret`` or ``err``.
- Parameters of an imported function remain the caller's, except owned handles. User code frees the parameters of an
  exported function and what an imported one stores; borrowed handles outside of lists are dropped after the call.
"""

from __future__ import annotations

from .c_identifiers import Identifiers, Scope, member_name, snake_case
from .c_types import CType, CTypes, free_call
from .c_values import CORE_TYPES, Code, lift, lower
from .canonical_abi import MAX_FLAT_PARAMETERS, MAX_FLAT_RESULTS, AbiTypes
from .canonical_abi import lift as lift_function
from .canonical_abi import lower as lower_function
from .errors import ComponentError
from .wit_model import Function, Kind
from .wit_text import show_function

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

ROOT: Final = "$root"


class Parameter:
    """A parameter: what C calls it, and its type. ``is_option`` says that it is a pointer to the value or null."""

    def __init__(self, name: str, type_: CType) -> None:
        self.name = name
        self.type = type_
        self.is_option = type_.kind == Kind.OPTION

    def declaration(self) -> str:
        """Return its declaration."""
        if self.is_option:
            return f"{self.type.whole_parts()[0].name} *{self.name}"
        return f"{self.type.name} {'*' if self.type.by_pointer() else ''}{self.name}"

    def value(self) -> str:
        """Return the expression for its value; an option has none."""
        return f"(*{self.name})" if self.type.by_pointer() else self.name


class CFunction:
    """A function of a world in C: its name, parameters, and the form of its result."""

    def __init__(self, function: Function, scope: Scope, types: CTypes, identifiers: Identifiers) -> None:
        """:raises ComponentError: it is asynchronous, or has a type that is not supported."""
        if function.is_async:
            where = "the world" if scope.item is None else scope.item
            raise ComponentError(f"C bindings do not support asynchronous functions: '{function.name}' of {where}")
        self.function = function
        self.scope = scope
        self.name = identifiers.take(f"{scope.prefix}_{_c_name(function.name)}")
        names = Identifiers("ret", "err", "result", "area", "arguments")
        self.parameters: list[Parameter] = []
        for label, type_ in zip(function.parameter_names, function.parameter_types):
            found = types.of(type_)
            wanted = f"maybe_{snake_case(label)}" if found.kind == Kind.OPTION else member_name(label)
            self.parameters.append(Parameter(names.take(wanted), found))
        self.result = None if function.result is None else types.of(function.result)
        self.returns_bool = self.result is not None and self.result.kind in (Kind.OPTION, Kind.RESULT)

    def outputs(self) -> list[tuple[str, CType]]:
        """Return what is stored through pointers: ``ret``, ``err``."""
        result = self.result
        if result is None or not result.by_pointer():
            return []
        if result.kind == Kind.OPTION:
            return [("ret", result.whole_parts()[0])]
        if result.kind == Kind.RESULT:
            return [(name, part) for name, part in zip(("ret", "err"), result.parts) if part is not None]
        return [("ret", result)]

    def declaration(self) -> str:
        """Return the prototype, without a semicolon."""
        returned = "void"
        if self.returns_bool:
            returned = "bool"
        elif self.result is not None and not self.result.by_pointer():
            returned = self.result.name
        words = [parameter.declaration() for parameter in self.parameters]
        words += [f"{type_.name} *{name}" for name, type_ in self.outputs()]
        return f"{returned} {self.name}({', '.join(words) or 'void'})"

    def comment(self) -> str:
        """Return a line with the function as WIT text."""
        return f"// {self.function.name}: {show_function(self.function)}\n"


def _c_name(name: str) -> str:
    """Return the name of a function: ``[method]r.m`` is ``method_r_m``."""
    return snake_case(name.removeprefix("[").replace("]", "-").replace(".", "-"))


def _core_types(code: bytes) -> list[str]:
    return [CORE_TYPES[byte] for byte in code]


def import_wrapper(made: CFunction, abi: AbiTypes) -> str:
    """Return the definition of an imported function, with the declaration of the core function that it calls."""
    signature = lower_function(made.function, abi).signature
    core = f"__wasm_import_{made.name}"
    module = ROOT if made.scope.item is None else made.scope.item
    returned = _core_types(signature.results)[0] if signature.results else "void"
    declared = (
        f'__attribute__((__import_module__("{module}"), __import_name__("{made.function.name}")))\n'
        f"extern {returned} {core}({', '.join(_core_types(signature.parameters)) or 'void'});\n\n"
    )
    code = Code(abi)
    values = []
    for parameter in made.parameters:
        values.append(_option_value(parameter, code) if parameter.is_option else parameter.value())
    flat: list[str] = []
    if len(abi.flat(made.function.parameter_types)) > MAX_FLAT_PARAMETERS:
        code.add("struct {")
        for parameter in made.parameters:
            code.add(f"{parameter.type.name} {parameter.name};")
        code.add("} arguments;")
        for parameter, value in zip(made.parameters, values):
            code.add(f"arguments.{parameter.name} = {value};")
        flat = ["(int32_t) &arguments"]
    else:
        for parameter, value in zip(made.parameters, values):
            flat += lower(parameter.type, value, code)
    _call_import(made, core, flat, code)
    return declared + _definition(made.declaration(), code)


def _option_value(parameter: Parameter, code: Code) -> str:
    """Append the option that a pointer stands for; return its name."""
    value = code.local("option")
    code.add(f"{parameter.type.name} {value};")
    code.add(f"{value}.is_some = {parameter.name} != NULL;")
    code.add(f"if ({parameter.name} != NULL) {value}.val = *{parameter.name};")
    return value


def _call_import(made: CFunction, core: str, flat: list[str], code: Code) -> None:
    result = made.result
    if result is None:
        code.add(f"{core}({', '.join(flat)});")
        return
    if len(code.flat(result)) > MAX_FLAT_RESULTS:
        if not made.returns_bool:
            code.add(f"{core}({', '.join([*flat, '(int32_t) ret'])});")
            return
        code.add(f"{result.name} area;")
        code.add(f"{core}({', '.join([*flat, '(int32_t) &area'])});")
    else:
        code.add(f"{code.flat(result)[0]} result = {core}({', '.join(flat)});")
        target = "(*ret)" if result.by_pointer() and not made.returns_bool else "area"
        if target == "area":
            code.add(f"{result.name} area;")
        lift(result, ["result"], target, code)
    if made.returns_bool:
        _store_outputs(result, code)
    elif not result.by_pointer():
        code.add("return area;")


def _store_outputs(result: CType, code: Code) -> None:
    """Append what gives the value or error in ``area`` to the caller."""
    if result.kind == Kind.OPTION:
        code.add("if (area.is_some) *ret = area.val;")
        code.add("return area.is_some;")
        return
    ok, error = result.parts
    if ok is not None:
        code.add("if (!area.is_err) *ret = area.val.ok;")
    if error is not None:
        code.add("if (area.is_err) *err = area.val.err;")
    code.add("return !area.is_err;")


def export_wrapper(made: CFunction, abi: AbiTypes, release: str | None) -> str:
    """Return the definition of the core function that is exported for a function, and of what frees its result.

    :param release: the statement that frees the memory of the result at ``result``, if it owns any.
    """
    signature = lift_function(made.function, abi).signature
    core = f"__wasm_export_{made.name}"
    name = made.function.name if made.scope.item is None else f"{made.scope.item}#{made.function.name}"
    arguments = [f"argument_{place}_" for place in range(len(signature.parameters))]
    typed = [f"{type_} {argument}" for type_, argument in zip(_core_types(signature.parameters), arguments)]
    returned = _core_types(signature.results)[0] if signature.results else "void"
    code = Code(abi)
    if len(abi.flat(made.function.parameter_types)) > MAX_FLAT_PARAMETERS:
        code.add("struct arguments {")
        for parameter in made.parameters:
            code.add(f"{parameter.type.name} {parameter.name};")
        code.add("} arguments = *(struct arguments *) argument_0_;")
        code.add("free((void *) argument_0_);")
        values = [f"arguments.{parameter.name}" for parameter in made.parameters]
    else:
        values = []
        start = 0
        for parameter in made.parameters:
            count = len(code.flat(parameter.type))
            value = code.local("value")
            code.add(f"{parameter.type.name} {value};")
            lift(parameter.type, arguments[start : start + count], value, code)
            values.append(value)
            start += count
    borrows = _save_borrows(made, values, code)
    given = [_given(parameter, value) for parameter, value in zip(made.parameters, values)]
    _call_export(made, given, borrows, code)
    exported = f'__attribute__((__export_name__("{name}")))\n'
    text = exported + _definition(f"{returned} {core}({', '.join(typed) or 'void'})", code)
    if release is not None:
        assert made.result is not None
        code = Code(abi)
        code.add(f"{made.result.name} *result = ({made.result.name} *) address;")
        code.add(release)
        text += f'\n__attribute__((__export_name__("cabi_post_{name}")))\n'
        text += _definition(f"void __wasm_export_{made.name}_post_return(int32_t address)", code)
    return text


def _given(parameter: Parameter, value: str) -> str:
    """Return the argument for a lifted value."""
    if parameter.is_option:
        return f"{value}.is_some ? &{value}.val : NULL"
    return f"&{value}" if parameter.type.by_pointer() else value


def _save_borrows(made: CFunction, values: list[str], code: Code) -> list[tuple[CType, str]]:
    """Copy the arguments that have borrowed handles of others' resources; return them."""
    saved = []
    for parameter, value in zip(made.parameters, values):
        if parameter.type.drops_borrow:
            copy = code.local("borrowed")
            code.add(f"{parameter.type.name} {copy} = {value};")
            saved.append((parameter.type, copy))
    return saved


def _drop_borrows(made: CType, value: str, code: Code) -> None:
    """Append what drops the borrowed handles in a value."""
    if not made.drops_borrow:
        return
    if made.kind == Kind.BORROW:
        assert made.resource is not None
        code.add(f"{made.resource.drop_borrow}({value});")
    elif made.kind in (Kind.RECORD, Kind.TUPLE):
        for part, member in zip(made.whole_parts(), made.members):
            _drop_borrows(part, f"{value}.{member}", code)
    elif made.kind == Kind.FIXED_LIST:
        for place in range(made.type_.length):
            _drop_borrows(made.whole_parts()[0], f"{value}.items[{place}]", code)
    elif made.kind == Kind.OPTION:
        code.add(f"if ({value}.is_some) {{")
        _drop_borrows(made.whole_parts()[0], f"{value}.val", code)
        code.add("}")
    else:
        tag = f"{value}.is_err" if made.kind == Kind.RESULT else f"{value}.tag"
        for place, (case, member) in enumerate(zip(made.parts, made.members)):
            if case is not None and case.drops_borrow:
                code.add(f"if ({tag} == {place}) {{")
                _drop_borrows(case, f"{value}.val.{member}", code)
                code.add("}")


def _call_export(made: CFunction, given: list[str], borrows: list[tuple[CType, str]], code: Code) -> None:
    """Append the call of the user's function, and what gives its result to the caller."""
    result = made.result
    in_memory = result is not None and len(code.flat(result)) > MAX_FLAT_RESULTS
    if result is not None and result.by_pointer():
        code.add(f"{'static ' if in_memory else ''}{result.name} area;")
    if result is None:
        code.add(f"{made.name}({', '.join(given)});")
    elif not result.by_pointer():
        code.add(f"{result.name} result = {made.name}({', '.join(given)});")
    elif not made.returns_bool:
        code.add(f"{made.name}({', '.join([*given, '&area'])});")
    elif result.kind == Kind.OPTION:
        code.add(f"area.is_some = {made.name}({', '.join([*given, '&area.val'])});")
    else:
        _call_with_result(made, given, result, code)
    for type_, value in borrows:
        _drop_borrows(type_, value, code)
    if in_memory:
        code.add("return (int32_t) &area;")
    elif result is not None:
        code.add(f"return {lower(result, 'area' if result.by_pointer() else 'result', code)[0]};")


def _call_with_result(made: CFunction, given: list[str], result: CType, code: Code) -> None:
    ok, error = result.parts
    for name, part in (("ret", ok), ("err", error)):
        if part is not None:
            code.add(f"{part.name} {name};")
            given.append(f"&{name}")
    code.add(f"area.is_err = !{made.name}({', '.join(given)});")
    if ok is not None:
        code.add("if (!area.is_err) area.val.ok = ret;")
    if error is not None:
        code.add("if (area.is_err) area.val.err = err;")


def release_of(made: CFunction) -> str | None:
    """Return the statement that frees the memory of a result when the caller has read it, if it owns any."""
    result = made.result
    if result is None or not result.has_memory:
        return None
    return free_call(result, "result", "release" if result.has_own else "free")


def _definition(prototype: str, code: Code) -> str:
    body = "".join(f"{line}\n" for line in code.lines)
    return f"{prototype} {{\n{body}}}\n"
