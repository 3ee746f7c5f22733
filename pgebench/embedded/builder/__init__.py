"""Builder of the embedded pack; nothing here is needed to read it.

The folder is not called ``build`` because git, ruff and pytest all pass over folders of that name.
"""
