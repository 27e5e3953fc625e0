# A toolchain file: WebAssembly for WASI, by clang and wasmlink.
set(CMAKE_SYSTEM_NAME WASI)
set(CMAKE_SYSTEM_PROCESSOR wasm32)

find_program(WASM_CLANG NAMES clang clang-22 clang-21 clang-20 clang-19 REQUIRED)
find_program(WASM_CLANGXX NAMES clang++ clang++-22 clang++-21 clang++-20 clang++-19 REQUIRED)
find_program(WASM_AR NAMES llvm-ar llvm-ar-22 llvm-ar-21 llvm-ar-20 llvm-ar-19 REQUIRED)
find_program(WASM_RANLIB NAMES llvm-ranlib llvm-ranlib-22 llvm-ranlib-21 llvm-ranlib-20 llvm-ranlib-19 REQUIRED)
# clang takes a linker of another name by its whole path only.
find_program(WASMLINK NAMES wasmlink REQUIRED)
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES WASM_CLANG WASM_CLANGXX WASM_AR WASM_RANLIB WASMLINK)

set(CMAKE_C_COMPILER ${WASM_CLANG})
set(CMAKE_CXX_COMPILER ${WASM_CLANGXX})
set(CMAKE_AR ${WASM_AR})
set(CMAKE_RANLIB ${WASM_RANLIB})
set(CMAKE_C_COMPILER_TARGET wasm32-wasi)
set(CMAKE_CXX_COMPILER_TARGET wasm32-wasi)
# The C++ library of Debian has no exceptions.
set(CMAKE_CXX_FLAGS_INIT -fno-exceptions)
set(CMAKE_EXE_LINKER_FLAGS_INIT "-fuse-ld=${WASMLINK}")
set(CMAKE_EXECUTABLE_SUFFIX_C .wasm)
set(CMAKE_EXECUTABLE_SUFFIX_CXX .wasm)

# Programs are the host's; headers and libraries are not.
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
