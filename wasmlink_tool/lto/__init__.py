"""Link-time optimisation: bitcode modules to objects, by the compilers of an LLVM that is installed.

The linker has decided what every symbol means; the compiler merges the modules, optimises them as one program and
generates code. Nothing here is imported by a link without bitcode.
"""
