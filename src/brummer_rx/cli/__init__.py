"""The command line: words in, one verb run, an exit code out (architecture.md section 10)."""
