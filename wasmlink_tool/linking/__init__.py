"""The passes of a link, from symbols to addresses: resolve, mark live, scan, lay out, number, relocate."""
