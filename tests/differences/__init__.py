"""Where this linker means something else than wasm-ld on purpose: modules are run, or read, not compared."""
