"""NOTE TO THE HELPER OF levels (E): search.py and helper.py are built by helper I since 00:28 - do not write them; finish levels/strip_ansi and report."""
