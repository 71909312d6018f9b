"""How image patches relate: the library behind the book."""
