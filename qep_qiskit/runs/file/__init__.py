"""The folder of a run and the SQLite file in it: one writer, any number of readers, a checksum in every row.

`store` reads and writes it, `exchange` turns it into one JSON file and back, `salvage` reads damaged files.
"""
