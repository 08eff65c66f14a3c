"""The folder of a run and its SQLite file: one writer, any number of readers, a checksum in every row.

`store` reads and writes the file, `exchange` converts it to a JSON file and back, and `salvage` reads damaged files.
"""
