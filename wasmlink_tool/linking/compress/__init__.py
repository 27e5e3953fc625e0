"""Let debug information follow functions whose relocated numbers are shortened."""
