"""Components under SCons: worlds of WIT text, adapters, and what a change of either builds."""

from __future__ import annotations

import pytest

from tests.component import reference
from tests.scons.conftest import Project

PLUGIN_WIT = """
package test:plugin@1.0.0;
world plugin { use types.{number}; export twice: func(value: number) -> number; }
"""
TYPES_WIT = "package test:plugin@1.0.0;\ninterface types { type number = u64; }\n"
PLUGIN_C = """
__attribute__((export_name("twice"))) unsigned long long twice(unsigned long long number) { return 2 * number; }
"""
BUILD = """\
env.Replace(WASMLIBC=False, WASMENTRY=None)
env.WasmComponent("plugin", ["plugin.c"], WASMWIT=["my wit"]{more})
"""


@pytest.fixture
def plugin(project: Project) -> Project:
    project.sconstruct(BUILD.format(more=""))
    project.write({"my wit/plugin.wit": PLUGIN_WIT, "my wit/types.wit": TYPES_WIT, "plugin.c": PLUGIN_C})
    return project


def test_a_component_is_built_and_follows_its_world(plugin: Project) -> None:
    assert plugin.scons().steps == ["CC plugin.wasm.o", "LINK plugin.wasm"]
    reference.validate(plugin.path("plugin.wasm").read_bytes())
    assert plugin.scons().up_to_date
    plugin.write({"my wit/types.wit": TYPES_WIT.replace("u64", "s64")})
    assert plugin.scons().steps == ["LINK plugin.wasm"]
    text = reference.run("component", "wit", plugin.path("plugin.wasm")).decode()
    assert "type number = s64" in text
    plugin.write({"my wit/more.wit": "interface unused {}\n"})
    assert plugin.scons().steps == ["LINK plugin.wasm"]


def test_a_mistake_in_the_world_is_shown(plugin: Project) -> None:
    plugin.write({"my wit/types.wit": TYPES_WIT.replace("u64", "number64")})
    outcome = plugin.scons(check=False)
    assert outcome.status == 2
    assert "types.wit:2:33: there is no type 'number64' here" in outcome.errors


def test_the_world_is_chosen(plugin: Project) -> None:
    plugin.write({"my wit/more.wit": "world other {}\n"})
    assert "name one" in plugin.scons(check=False).errors
    plugin.sconstruct(BUILD.format(more=', WASMWORLD="plugin"'))
    assert plugin.scons().steps == ["LINK plugin.wasm"]


def test_in_a_variant_directory(plugin: Project) -> None:
    plugin.sconstruct(
        'env.Replace(WASMLIBC=False, WASMENTRY=None)\nenv.VariantDir("build", ".", duplicate=False)\n'
        'env.WasmComponent("build/plugin", ["build/plugin.c"], WASMWIT=["my wit/"])\n'
    )
    assert plugin.scons("build").steps == ["CC build/plugin.wasm.o", "LINK build/plugin.wasm"]
    assert plugin.scons("build").up_to_date


def test_programs_do_not_mind(plugin: Project) -> None:
    """Settings for components do no harm to other links of the environment."""
    plugin.sconstruct(
        'env.Replace(WASMLIBC=False, WASMENTRY=None, WASMWIT="nowhere", WASMADAPTER="reactor")\n'
        'env.WasmProgram("plain", ["plugin.c"])\n'
    )
    assert plugin.scons().steps == ["CC plugin.wasm.o", "LINK plain.wasm"]


@pytest.mark.parametrize("value", ["True", "3"])
def test_a_wrong_adapter_is_an_error_at_the_call(plugin: Project, value: str) -> None:
    plugin.sconstruct(BUILD.format(more=f", WASMADAPTER={value}"))
    assert "WASMADAPTER" in plugin.scons(check=False).errors


def test_composition(plugin: Project) -> None:
    """One component's import is another's export."""
    plugin.write(
        {
            "user/user.wit": "package test:user;\nworld user { import test:give/api; export run: func() -> u32; }\n",
            "user/deps/give.wit": "package test:give;\ninterface api { value: func() -> u32; }\n",
            "give.wit": "package test:give;\ninterface api { value: func() -> u32; }\nworld give { export api; }\n",
            "user.c": '__attribute__((import_module("test:give/api"), import_name("value"))) int value(void);\n'
            '__attribute__((export_name("run"))) int run(void) { return value() + 1; }\n',
            "give.c": '__attribute__((export_name("test:give/api#value"))) int value(void) { return 41; }\n',
        }
    )
    plugin.sconstruct(
        f"env.Replace(WASMLIBC=False, WASMENTRY=None, WASMTOOLS={reference.wasm_tools()!r})\n"
        'user = env.WasmComponent("user", ["user.c"], WASMWIT="user")\n'
        'give = env.WasmComponent("give", ["give.c"], WASMWIT="give.wit")\n'
        'env.WasmCompose("both", [user, give])\n'
    )
    plugin.scons()
    reference.validate(plugin.path("both.wasm").read_bytes())
    assert "import test:give" not in reference.run("component", "wit", plugin.path("both.wasm")).decode()


BINDINGS = """\
env.Replace(WASMLIBC=False, WASMENTRY=None, WASMBINDINGSCOMSTR="AR $TARGETS")
source, header = env.WasmBindings("my wit", world="plugin")
env.WasmComponent("plugin", ["user.c", source])
"""
USER_C = """
#include "plugin_bindings.h"
uint64_t exports_plugin_twice(uint64_t value) { return 2 * value; }
void *realloc(void *memory, size_t size) { (void) memory, (void) size; return NULL; }
void free(void *memory) { (void) memory; }
"""


@pytest.fixture
def bound(plugin: Project) -> Project:
    plugin.sconstruct(BINDINGS)
    plugin.write({"user.c": USER_C})
    return plugin


def test_bindings_are_written_before_their_users_are_compiled(bound: Project) -> None:
    assert set(bound.scons().steps) == {
        "AR plugin_bindings.c plugin_bindings.h",
        "CC plugin_bindings.wasm.o",
        "CC user.wasm.o",
        "LINK plugin.wasm",
    }
    reference.validate(bound.path("plugin.wasm").read_bytes())
    assert bound.scons().up_to_date


def test_bindings_follow_their_world(bound: Project) -> None:
    bound.scons()
    bound.write({"my wit/types.wit": TYPES_WIT.replace("u64", "u32")})
    bound.write({"user.c": USER_C.replace("uint64_t", "uint32_t")})
    assert len(bound.scons().steps) == 4
    bound.write({"my wit/more.wit": "interface unused {}\n"})
    assert bound.scons().steps == ["AR plugin_bindings.c plugin_bindings.h"]


def test_the_only_world_needs_no_name_and_bindings_may_have_a_directory(bound: Project) -> None:
    text = BINDINGS.replace(', world="plugin"', ', out_dir="made"')
    bound.sconstruct('env.Append(CPPPATH="made")\n' + text)
    assert "AR made/plugin_bindings.c made/plugin_bindings.h" in bound.scons().steps


def test_bindings_in_a_variant_directory(bound: Project) -> None:
    bound.write({"SConscript": 'Import("env")\nenv.Append(CPPPATH=["."])\n' + BINDINGS})
    bound.sconstruct('env.SConscript("SConscript", variant_dir="build", duplicate=False, exports="env")\n')
    assert "AR build/plugin_bindings.c build/plugin_bindings.h" in bound.scons("build").steps
    assert bound.scons("build").up_to_date


def test_a_world_that_is_not_there_is_an_error(bound: Project) -> None:
    bound.sconstruct(BINDINGS.replace("plugin", "other", 1))
    assert "no world 'other'" in bound.scons(check=False).errors
    bound.sconstruct(BINDINGS.replace('"my wit", world="plugin"', '"nowhere"'))
    assert "nowhere" in bound.scons(check=False).errors
