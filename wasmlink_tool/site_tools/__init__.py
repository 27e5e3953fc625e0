"""The installed tool for SCons: ``toolpath=[PyPackageDir("wasmlink_tool.site_tools")]``."""
