"""The version, which stands here and nowhere else: the package's metadata is built from it.

Read instead of the metadata of what is installed, which an editable installation keeps as it was.
"""

VERSION = "0.1.0"
