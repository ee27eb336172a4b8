"""What a claims expert does before any model: one row per person, one row per establishment."""
