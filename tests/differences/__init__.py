"""Intended differences from wasm-ld: modules are run or read, not compared."""
