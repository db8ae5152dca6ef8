"""A teller's books: the entries of its log, the terms that they are read by, the filter of its sources, and what comes to be owed."""
