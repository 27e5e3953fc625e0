"""The WebAssembly binary format: encodings, constants, sections. Knows nothing of linking."""
