"""How image patches relate: the library behind the book.

Each module is one room, imported by name: ``from patchwork import images, patches``.
"""
