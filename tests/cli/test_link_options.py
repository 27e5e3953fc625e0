"""The options of the link that a command line stands for."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from wasmlink_tool.cli.interpret import link_options
from wasmlink_tool.cli.parser import Parser
from wasmlink_tool.diagnostics import Diagnostics
from wasmlink_tool.options import (
    LLVM_CACHE_POLICY,
    CachePolicy,
    DataOrder,
    IcfLevel,
    Input,
    LinkOptions,
    UnresolvedPolicy,
)

BASE = ["a.o", "-o", "out"]


def read(arguments: list[str]) -> tuple[LinkOptions, Diagnostics]:
    diagnostics = Diagnostics()
    return link_options(Parser().parse(arguments), diagnostics), diagnostics


def options_of(line: str) -> LinkOptions:
    options, diagnostics = read([*BASE, *line.split()])
    assert [str(entry) for entry in diagnostics.entries] == []
    return options


def test_defaults_are_those_of_the_option_model() -> None:
    expected = LinkOptions(inputs=[Input("a.o")], output="out")
    options = options_of("")
    for field in fields(LinkOptions):
        ours, theirs = getattr(options, field.name), getattr(expected, field.name)
        assert (tuple(ours) if isinstance(ours, list) else ours) == (
            tuple(theirs) if isinstance(theirs, list) else theirs
        )


FIELDS: list[tuple[str, dict[str, Any]]] = [
    ("-o x", {"output": "x"}),
    ("-ox", {"output": "x"}),
    ("-o=x", {"output": "=x"}),
    ("-La -L b --library-path=c -library-path d", {"library_paths": ["a", "b", "c", "d"]}),
    ("--entry foo", {"entry": "foo"}),
    ("-efoo", {"entry": "foo"}),
    ("--entry=", {"entry": None}),
    ("--entry=foo --no-entry", {"entry": None}),
    ("--no-entry -e foo", {"entry": "foo"}),
    ("-u a -ub --undefined=c --undefined d", {"undefined": ["a", "b", "c", "d"]}),
    ("--export=a -export b", {"exports": ["a", "b"]}),
    ("--export-if-defined=a", {"exports_if_defined": ["a"]}),
    ("--export-all", {"export_all": True}),
    ("", {"lto_optimize": 2, "lto_codegen_optimize": None, "verify_bitcode": True, "save_temps": False}),
    ("--lto-O0 --lto-CGO3", {"lto_optimize": 0, "lto_codegen_optimize": 3}),
    ("--lto-O1 --lto-O3", {"lto_optimize": 3}),
    ("--lto-compiler=a --lto-compiler b\\", {"lto_compiler": ("b\\",)}),
    ("--lto-obj-path=x --lto-debug-pass-manager", {"lto_object_path": "x", "lto_debug_pass_manager": True}),
    ("-mllvm -a --mllvm=-b=c -mllvm=d", {"llvm_options": ["-a", "-b=c", "d"]}),
    ("--save-temps -disable-verify", {"save_temps": True, "verify_bitcode": False}),
    ("--thinlto-jobs=all --lto-partitions=3", {"thinlto_jobs": "all"}),
    ("--thinlto-cache-dir=d", {"lto_cache_directory": "d", "lto_cache_policy": LLVM_CACHE_POLICY}),
    (
        "--thinlto-cache-policy=prune_after=1h:cache_size_bytes=3k:cache_size=50%:prune_interval=0s",
        {"lto_cache_policy": CachePolicy(size=3072, percentage=50, files=1_000_000, expiration=3600)},
    ),
    (
        "--thinlto-cache-policy=cache_size_files=7:prune_interval=2m:prune_after=0s:cache_size=0%",
        {"lto_cache_policy": CachePolicy(files=7, interval=120)},
    ),
    ("--shared-cache", {"shared_cache": True}),
    ("--thinlto-prefix-replace=a;b --thinlto-object-suffix-replace=c;d", {}),
    ("-E", {"export_dynamic": True}),
    ("-E --no-export-dynamic", {"export_dynamic": False}),
    ("--allow-multiple-definition", {"allow_multiple_definition": True}),
    ("--allow-multiple-definition --no-allow-multiple-definition", {"allow_multiple_definition": False}),
    ("--allow-undefined-file=a -allow-undefined-file b", {"allow_undefined_files": ["b"]}),
    ("--import-undefined", {"import_undefined": True, "unresolved_symbols": UnresolvedPolicy.REPORT_ERROR}),
    ("--allow-undefined", {"import_undefined": True, "unresolved_symbols": UnresolvedPolicy.IGNORE}),
    (
        "--allow-undefined --unresolved-symbols=report-all --error-unresolved-symbols",
        {"import_undefined": True, "unresolved_symbols": UnresolvedPolicy.IGNORE},
    ),
    ("--unresolved-symbols=ignore-all", {"unresolved_symbols": UnresolvedPolicy.IGNORE}),
    (
        "--unresolved-symbols=ignore-all --unresolved-symbols report-all",
        {"unresolved_symbols": UnresolvedPolicy.REPORT_ERROR},
    ),
    ("--warn-unresolved-symbols", {"unresolved_symbols": UnresolvedPolicy.WARN}),
    ("--warn-unresolved-symbols --unresolved-symbols=report-all", {"unresolved_symbols": UnresolvedPolicy.WARN}),
    ("--warn-unresolved-symbols --unresolved-symbols=ignore-all", {"unresolved_symbols": UnresolvedPolicy.IGNORE}),
    ("--warn-unresolved-symbols --error-unresolved-symbols", {"unresolved_symbols": UnresolvedPolicy.REPORT_ERROR}),
    ("--start=go", {"start": "go"}),
    ("--no-gc-sections", {"gc_sections": False}),
    ("--no-gc-sections -gc-sections", {"gc_sections": True}),
    ("--print-gc-sections", {"print_gc_sections": True}),
    ("--icf=all --icf=safe", {"icf": IcfLevel.SAFE}),
    ("--icf=all --icf=none", {"icf": IcfLevel.NONE}),
    ("--print-icf-sections", {"print_icf_sections": True}),
    ("--print-icf-sections --no-print-icf-sections", {"print_icf_sections": False}),
    ("--keep-unique=f --keep-unique g", {"keep_unique": ["f", "g"]}),
    ("--stack-first", {"stack_first": True}),
    ("--stack-first --no-stack-first", {"stack_first": False}),
    ("-z stack-size=0x20000", {"stack_size": 131072}),
    ("-zstack-size=16", {"stack_size": 16}),
    ("-z stack-size=020", {"stack_size": 16}),
    ("-z stack-size=16 -z stack-size=32", {"stack_size": 32}),
    ("-z stack-size=0", {"stack_size": 0}),
    ("--global-base=1024", {"global_base": 1024}),
    ("--global-base=0", {"global_base": 0}),
    ("--initial-memory=65536", {"initial_memory": 65536}),
    ("--initial-memory=-1", {"initial_memory": 2**64 - 1}),
    ("--initial-heap=4096", {"initial_heap": 4096}),
    ("--max-memory=131072", {"max_memory": 131072}),
    ("--no-growable-memory", {"growable_memory": False}),
    ("--import-memory", {"import_memory": ("env", "memory"), "export_memory": None}),
    ("--import-memory=a,b", {"import_memory": ("a", "b")}),
    ("--import-memory=a,b --import-memory", {"import_memory": ("a", "b")}),
    ("--import-memory=a,b,c", {"import_memory": ("a", "b,c")}),
    ("--import-memory=q", {"import_memory": ("env", "q")}),
    ("--export-memory", {"export_memory": "memory"}),
    ("--export-memory=m", {"export_memory": "m"}),
    ("--export-memory=m --export-memory", {"export_memory": "m"}),
    ("--import-table", {"import_table": True}),
    ("--export-table --growable-table --table-base=7", {"export_table": True, "growable_table": True, "table_base": 7}),
    ("--no-merge-data-segments", {"merge_data_segments": False}),
    ("-O0", {"optimize": 0}),
    ("-O 2", {"optimize": 2}),
    ("-O1 -O3", {"optimize": 3}),
    ("--data-order=packed", {"data_order": DataOrder.PACKED}),
    ("-S", {"strip_debug": True, "strip_all": False}),
    ("-s", {"strip_debug": False, "strip_all": True}),
    ("--keep-section=a --keep-section b", {"keep_sections": ["a", "b"]}),
    ("--features=a,b,,c", {"features": ["a", "b", "c"]}),
    ("--features=", {"features": []}),
    ("--features=a --features=b", {"features": ["b"]}),
    ("--extra-features=a,b --extra-features=c", {"extra_features": ["c"]}),
    ("--no-check-features", {"check_features": False}),
    ("--build-id", {"build_id": "fast"}),
    ("--build-id=tree", {"build_id": "tree"}),
    ("--build-id=md5", {"build_id": "md5"}),
    ("--build-id=0xAbc", {"build_id": "0xAbc"}),
    ("--build-id=sha1 --build-id", {"build_id": "fast"}),
    ("--build-id=q --build-id=none", {"build_id": "none"}),
    ("--record-linker", {"record_linker": True}),
    ("--soname=x", {"soname": "x"}),
    ("--no-demangle", {"demangle": False}),
    ("--no-demangle --demangle", {"demangle": True}),
    ("-Map=x", {"map_file": "x"}),
    ("-Map=", {"map_file": None}),
    ("-M", {"print_map": True}),
    ("-t", {"trace": True}),
    ("-ya -y b --trace-symbol=c", {"trace_symbols": ["a", "b", "c"]}),
    ("--why-extract=-", {"why_extract": "-"}),
    ("--why-live=a --why-live b*", {"why_live": ["a", "b*"]}),
    ("--why-live-file=w.json", {"why_live_file": "w.json"}),
    ("--size-report=a.json --size-report=b.txt", {"size_reports": ["a.json", "b.txt"]}),
    ("--size-diff=old.json", {"size_diff": "old.json"}),
    ("--dependency-file=d", {"dependency_file": "d"}),
    ("--dependency-file d", {"dependency_file": "d"}),
    ("--verbose", {"verbose": True}),
    ("--fatal-warnings --noinhibit-exec", {"fatal_warnings": True, "noinhibit_exec": True}),
    ("--fatal-warnings --no-fatal-warnings", {"fatal_warnings": False}),
    ("--threads=2 --threads 0x10", {"threads": 16}),
    ("--no-pie --Bstatic --disable-verify --rpath=x --no-shlib-sigcheck -mwasm32", {}),
    ("--page-size=65536 --error-limit=5 --no-color-diagnostics --rsp-quoting=posix", {}),
]


@pytest.mark.parametrize(("line", "expected"), FIELDS)
def test_fields(line: str, expected: dict[str, Any]) -> None:
    options = options_of(line)
    assert {name: getattr(options, name) for name in expected} == expected


INPUTS = [
    ("a b", [Input("a"), Input("b")]),
    ("-lfoo -l bar --library=baz -l:x.a", [Input(n, library=True) for n in ("foo", "bar", "baz", ":x.a")]),
    ("a --whole-archive b -lc --no-whole-archive d", [Input("a"), Input("b", whole_archive=True),
        Input("c", library=True, whole_archive=True), Input("d")]),
    ("--start-lib a b --end-lib c --start-lib d", [Input("a", lazy=True), Input("b", lazy=True), Input("c"),
        Input("d", lazy=True)]),
    ("-Bdynamic a -lc -Bstatic -ld", [Input("a", shared=True), Input("c", library=True, shared=True),
        Input("d", library=True)]),
]  # fmt: skip


@pytest.mark.parametrize(("line", "expected"), INPUTS)
def test_inputs_in_order(line: str, expected: list[Input]) -> None:
    options, diagnostics = read(["-o", "x", *line.split()])
    assert options.inputs == expected
    assert diagnostics.entries == []


def test_empty_arguments_are_ignored_but_not_as_values() -> None:
    options, diagnostics = read(["", "a.o", "", "--export", "", "-o", "x"])
    assert (options.inputs, options.exports, diagnostics.entries) == ([Input("a.o")], [""], [])


def test_a_value_may_look_like_an_option() -> None:
    options, _ = read(["-o", "--gc-sections", "a.o"])
    assert options.output == "--gc-sections"
