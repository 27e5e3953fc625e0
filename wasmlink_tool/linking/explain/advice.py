"""Advice for undefined symbols of runtime libraries: how to compile or link instead."""

from __future__ import annotations

import re
from typing import Final

_EXCEPTIONS: Final = (
    "the object uses C++ exceptions: compile it with -fno-exceptions, or link a libc++abi that has exceptions "
    "(-lc++abi -lunwind)"
)
_SETJMP: Final = (
    "the object uses setjmp or longjmp: compile it with -mllvm -wasm-enable-sjlj, and link the library that has them "
    "(-lsetjmp)"
)
_CXX_RUNTIME: Final = "it is part of the C++ runtime: link with clang++, or add -lc++abi (and -lc++ before it)"
_CXX_LIBRARY: Final = "it is part of the C++ library: link with clang++, or add -lc++ -lc++abi"
_COMPILER_RUNTIME: Final = "it is part of the compiler's runtime: add its library (libclang_rt.builtins or compiler-rt)"
_MAIN: Final = (
    "a command needs a function main; a reactor is linked with -mexec-model=reactor (crt1-reactor.o, --no-entry)"
)
_COOPERATIVE: Final = (
    "it is part of the context of threads that share an instance (wasm32-wasip3): link with --cooperative-threading, "
    "and with a libc that has the functions __wasm_get_stack_pointer, __wasm_get_tls_base and those that set them"
)

_RULES: Final = tuple(
    (re.compile(pattern), text)
    for pattern, text in (
        (
            rb"__cxa_(allocate_exception|free_exception|throw|rethrow.*|begin_catch|end_catch|get_exception_ptr"
            rb"|allocate_dependent_exception|free_dependent_exception|init_primary_exception|call_unexpected"
            rb"|current_exception_type|(increment|decrement)_exception_refcount|get_globals.*"
            rb"|uncaught_exceptions?|current_primary_exception|find_matching_catch.*)$"
            rb"|_Unwind_\w+$|__gxx_(wasm_)?personality_(v0|wasm0)$|__cpp_exception$|__wasm_lpad_context$"
            rb"|llvm_eh_typeid_for$|__resumeException$",
            _EXCEPTIONS,
        ),
        (
            rb"(__wasm_)?(set|long)jmp$|_(set|long)jmp$|sig(set|long)jmp$|__wasm_setjmp_test$|__c_longjmp$"
            rb"|(save|test)Setjmp$|emscripten_longjmp$",
            _SETJMP,
        ),
        (rb"__cxa_(?!(thread_)?atexit)\w+$|_ZTVN10__cxxabiv1|__dynamic_cast$", _CXX_RUNTIME),
        (rb"_Zn[wa]|_Zd[la]|_ZN?K?St|_ZNKSt|_ZNSt|_ZT[VIS]N?St|_ZT[VIS][a-z]$", _CXX_LIBRARY),
        (rb"__(add|sub|mul|div|neg|eq|ne|lt|le|gt|ge|cmp|unord|extend|trunc|fix|fixuns|float|floatun)\w*[sdtx]f[23]?$"
         rb"|__(mul|div|mod|udiv|umod|ashl|ashr|lshr|mulo)[sdt]i[34]$|__muloti4$", _COMPILER_RUNTIME),
        (rb"__init_(stack_pointer|tls_base)$|__wasm_[gs]et_(stack_pointer|tls_base)$", _COOPERATIVE),
        (rb"main$|__main_argc_argv$|__original_main$|__main_void$", _MAIN),
    )
)  # fmt: skip


class Advice:
    """Gives each piece of advice once a link: dozens of symbols may need the same."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def on(self, name: bytes) -> str | None:
        """Return the advice for an undefined symbol, if there is any that was not given yet."""
        for pattern, text in _RULES:
            if pattern.match(name):
                if text in self._given:
                    return None
                self._given.add(text)
                return text
        return None
