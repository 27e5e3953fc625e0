"""Find hints for error messages: similar names, libraries that were not linked, source lines."""
