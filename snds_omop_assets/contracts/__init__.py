"""SNDS tables and CDM tables as data, and what is built from them: Pandera schemas, Arrow schemas, the UI's columns.

Here belong facts about tables (names, types, keys, labels). How a value is parsed is in reception/; how a CDM field
is filled is in omop/.
"""
