"""The WebAssembly binary format: encodings, constants, sections. Independent of linking."""
