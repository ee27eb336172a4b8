"""What can be done to a person: natures of service, drugs, acts, codes."""
