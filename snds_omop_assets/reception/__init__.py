"""From delivered files to typed tables: finding, reading, typing, judging, setting aside."""
