"""Link-time optimisation: bitcode modules to objects, with the compilers of an installed LLVM.

The linker has resolved every symbol; the compiler merges the modules, optimises them as one program and generates code.
A link without bitcode imports nothing here.
"""
