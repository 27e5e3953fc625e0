"""The linkages that are written into a module's text for a clang, and what comes of them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.toolchain import compile_object, zig
from wasmlink_tool import LinkOptions, link
from wasmlink_tool.lto.clang import with_linkages

TEXT = r"""
module asm ".globl define"
$f = comdat any
@.str = private unnamed_addr constant [10 x i8] c"\0A@g = weak\00", align 1
@g = linkonce_odr dso_local hidden thread_local unnamed_addr global i32 5, section "a comdat", comdat($f), align 4
@ext = external hidden global i32
@"odd \22name" = weak_odr constant { i32, ptr } { i32 4, ptr @f }, comdat, align 4
@"\01plain" = global i32 1
@alias = weak hidden alias void (), ptr @f
@llvm.used = appending global [1 x ptr] [ptr @g], section "llvm.metadata"
define linkonce_odr hidden noundef i32 @f(i32 %0, ptr byval({ i32 }) "x"="@y comdat" %1) #0 comdat personality ptr @p {
  ret i32 3
}
define available_externally void @copy() {
}
define protected i8 @h() section "x comdat" comdat($f) {
}
declare hidden i32 @declared()
"""


def test_what_is_changed() -> None:
    seen: dict[bytes, str] = {}

    def choose(name: bytes, linkage: str) -> str | None:
        seen[name] = linkage
        return "internal"

    changed = with_linkages(TEXT, choose)
    assert seen == {
        b"g": "linkonce_odr",
        b'odd "name': "weak_odr",
        b"plain": "",
        b"alias": "weak",
        b"f": "linkonce_odr",
        b"h": "",
    }
    before, after = TEXT.splitlines(), changed.splitlines()
    different = {old: new for old, new in zip(before, after, strict=True) if old != new}
    assert list(different.values()) == [
        '@g = internal thread_local unnamed_addr global i32 5, section "a comdat", align 4',
        r'@"odd \22name" = internal constant { i32, ptr } { i32 4, ptr @f }, align 4',
        r'@"\01plain" = internal global i32 1',
        "@alias = internal alias void (), ptr @f",
        'define internal noundef i32 @f(i32 %0, ptr byval({ i32 }) "x"="@y comdat" %1) #0 personality ptr @p {',
        'define internal i8 @h() section "x comdat" {',
    ]


def test_what_is_left() -> None:
    assert with_linkages(TEXT, lambda name, linkage: None) == TEXT


def test_symbols_are_internalised_and_inlined(tmp_path: Path) -> None:
    """Definitions without outside references disappear from the generated object, calls across modules included."""
    sources = {
        "main.o": '// flags: -flto -O2\nint helper(int); __attribute__((export_name("run"))) int run(int x)'
        " { return helper(x); }\n",
        "helper.o": "// flags: -flto -O2\nint helper(int x) { return x * 12345; }\n",
    }
    for name, text in sources.items():
        (tmp_path / name).write_bytes(compile_object(text, ".c", tmp_path))
    generated = tmp_path / "generated.o"
    options = LinkOptions(
        inputs=[str(tmp_path / name) for name in sources],
        entry=None,
        output=None,
        lto_object_path=str(generated),
        lto_compiler=[zig()],
    )
    link(options)
    contents = generated.read_bytes()
    assert b"run" in contents
    assert b"helper" not in contents
    options.relocatable = True
    options.gc_sections = False
    link(options)
    assert b"helper" in generated.read_bytes()


def test_every_linkage_can_be_written(tmp_path: Path) -> None:
    """clang accepts what :func:`with_linkages` writes."""
    source = tmp_path / "a.cpp"
    source.write_text("inline int f() { static int n; return ++n; }\nint g() { return f(); }\n", encoding="utf-8")
    base = [zig(), "clang", "--target=wasm32", "-S", "-emit-llvm", "-O0"]
    subprocess.run([*base, str(source), "-o", str(tmp_path / "a.ll")], check=True)
    text = (tmp_path / "a.ll").read_text(encoding="utf-8")
    assert "comdat" in text
    for linkage in ("internal", "linkonce", "linkonce_odr", "weak", "weak_odr"):

        def choose(name: bytes, old: str, new: str = linkage) -> str:
            return new

        (tmp_path / "b.ll").write_text(with_linkages(text, choose), encoding="utf-8")
        subprocess.run([*base, "-x", "ir", str(tmp_path / "b.ll"), "-o", str(tmp_path / "c.ll")], check=True)


@pytest.mark.parametrize("flags", ["-O2", "-O2 -flto"])
def test_what_only_others_refer_to_is_kept(flags: str, tmp_path: Path) -> None:
    """A definition that its own module could do without, in a module that is not the first."""
    (tmp_path / "inline.ll").write_text(
        'target datalayout = "e-m:e-p:32:32-p10:8:8-p20:8:8-i64:64-i128:128-n32:64-S128-ni:1:10:20"\n'
        'target triple = "wasm32-unknown-unknown"\n'
        "define linkonce_odr i32 @helper(i32 %x) {\n  ret i32 %x\n}\n",
        encoding="utf-8",
    )
    assemble = [zig(), "clang", "--target=wasm32", "-c", "-emit-llvm", "-Xclang", "-disable-llvm-passes", "-x", "ir"]
    subprocess.run([*assemble, "inline.ll", "-o", "inline.o"], cwd=tmp_path, check=True)
    caller = '__attribute__((export_name("run"))) int run(int x) { return helper(x); }\n'
    sources = {
        "first.o": "// flags: -flto\nint other(void) { return 1; }\n",
        "caller.o": f"// flags: {flags}\nint helper(int);\n{caller}",
    }
    for name, text in sources.items():
        (tmp_path / name).write_bytes(compile_object(text, ".c", tmp_path))
    inputs = [str(tmp_path / name) for name in ("first.o", "inline.o", "caller.o")]
    assert link(LinkOptions(inputs=inputs, entry=None, output=None, lto_compiler=[zig()])).module


def test_an_imported_wrapper_has_the_wrapped_functions_type(tmp_path: Path) -> None:
    """The reference crashes here: before code is generated, nobody knows the type."""
    text = '// flags: -flto -O2\nint f(int); __attribute__((export_name("run"))) int run(int x) { return f(x); }\n'
    (tmp_path / "a.o").write_bytes(compile_object(text, ".c", tmp_path))
    options = LinkOptions(
        inputs=[str(tmp_path / "a.o")],
        entry=None,
        output=None,
        wrap=["f"],
        import_undefined=True,
        lto_compiler=[zig()],
    )
    assert b"\x03env\x08__wrap_f\x00" in link(options).module
