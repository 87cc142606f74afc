"""Other machines: commands as argv values, strict connections, files moved as files, fan-out.

Nothing is imported here, so that naming a package costs nothing at start-up.
"""
