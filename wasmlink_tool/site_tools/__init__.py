"""SCons's way to the tool after installation: ``toolpath=[PyPackageDir("wasmlink_tool.site_tools")]``."""
