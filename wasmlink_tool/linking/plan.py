"""The plan of a module: the passes from liveness to bytes, and all their results.

Passes that exist in wasm-ld are logged under its name (``--verbose``).
"""

from __future__ import annotations

from collections.abc import Mapping

from ..diagnostics import Diagnostics
from ..options import LinkOptions
from ..records import record
from .command_wrappers import (
    CommandWrappers,
    LiveInitFunctions,
    calculate_init_functions,
    create_command_wrappers,
    write_call_ctors,
)
from .exports import Export, calculate_exports, force_exports
from .features import check_mutable_globals, merge_features
from .imports import calculate_imports, import_late_table
from .index_spaces import IndexSpaces, assign_indexes, calculate_types
from .layout_memory import Memory, define_start_stop_symbols, lay_out_memory
from .output_segments import OutputSegment, create_output_segments, keep_zeros
from .pic import base_tls_on_memory, combine_segments
from .resolution import Resolution
from .scan_relocations import Scan, scan_relocations
from .start_functions import StartFunctions, declare_start_functions, write_start_functions
from .symbols import Symbol
from .synthetic_symbols import resolve_indirect_function_table


@record(frozen=True)
class Plan:
    """The decisions about a module: every index and every address is final."""

    resolution: Resolution
    scan: Scan
    spaces: IndexSpaces
    segments: list[OutputSegment]
    memory: Memory
    exports: list[Export]
    address_globals: list[Symbol]
    """Data symbols whose addresses are exported; each has its own global, the last ones of the index space."""
    start: StartFunctions
    features: Mapping[str, object]
    init_functions: LiveInitFunctions
    wrappers: CommandWrappers

    def write_synthetic_code(self, options: LinkOptions) -> None:
        """Write what the linker's own code and the exports say about indices again, after these have changed."""
        resolution = self.resolution
        write_start_functions(resolution, self.start, self.segments, self.memory, self.scan, options)
        write_call_ctors(resolution, self.init_functions)
        self.wrappers.write(resolution)
        self.exports[:], _ = calculate_exports(resolution, options, self.features, self.spaces.global_count)


def make_plan(resolution: Resolution, options: LinkOptions, diagnostics: Diagnostics) -> Plan:
    """Run all passes that decide something: addresses, imports, indices, synthetic functions, exports."""
    phase = diagnostics.phase

    diagnostics.step("lay out memory")
    # Only live segments, so after marking.
    phase("createOutputSegments")
    segments = create_output_segments(resolution, options)
    phase("layoutMemory")
    memory = lay_out_memory(resolution, segments, options, diagnostics)
    # Every address is final from here on. Symbols at the bounds of segments depend on them.
    if not options.relocatable:
        define_start_stop_symbols(resolution, segments, options)
    # After the definition of these symbols, which may be exported.
    force_exports(resolution, options, diagnostics)
    phase("populateTargetFeatures")
    features = merge_features(resolution, options, diagnostics)
    # Both depend on the features of the output.
    keep_zeros(segments, options, features)
    if options.is_pic and not options.shared_memory and "extended-const" not in features:
        phase("combineOutputSegments")
        segments = combine_segments(segments)

    diagnostics.step("scan relocations")
    # The scan checks whether each undefined symbol is imported.
    phase("calculateImports")
    imports = calculate_imports(resolution, options)
    # The only visit to every live relocation: undefined symbols, stubs, entries of the table and of the GOT, types.
    phase("scanRelocations")
    scan = scan_relocations(resolution, imports, options, diagnostics)
    phase("finalizeIndirectFunctionTable")
    if scan.has_addresses:
        if resolution.indirect_function_table is None:
            resolve_indirect_function_table(resolution, options, diagnostics, required=True)
        import_late_table(imports, resolution)
    # Every function must exist before functions are numbered; these functions' bodies need addresses and indices.
    phase("createSyntheticInitFunctions")
    start = declare_start_functions(resolution, segments, memory, scan, features, options)
    base_tls_on_memory(resolution, options)

    diagnostics.step("number everything")
    phase("assignIndexes")
    spaces = assign_indexes(resolution, imports, scan, diagnostics)
    # Every index is final from here on, except those of the wrappers, which come last.
    phase("calculateInitFunctions")
    init_functions = calculate_init_functions(resolution, options, diagnostics)
    write_start_functions(resolution, start, segments, memory, scan, options)
    write_call_ctors(resolution, init_functions)
    wrappers = create_command_wrappers(resolution, init_functions, options, diagnostics)
    spaces.add_wrappers(wrappers.file)
    diagnostics.check()
    # Types that only wrappers use count as well.
    phase("calculateTypes")
    calculate_types(spaces)
    phase("calculateExports")
    exports, address_globals = calculate_exports(resolution, options, features, spaces.global_count)
    phase("checkImportExportTargetFeatures")
    check_mutable_globals(features, imports, exports, options, diagnostics)
    return Plan(
        resolution=resolution,
        scan=scan,
        spaces=spaces,
        segments=segments,
        memory=memory,
        exports=exports,
        address_globals=address_globals,
        start=start,
        features=features,
        init_functions=init_functions,
        wrappers=wrappers,
    )
