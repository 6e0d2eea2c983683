"""(filled by its catalogue)"""
