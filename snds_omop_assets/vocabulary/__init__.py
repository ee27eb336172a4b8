"""The project's own maps from French codes to standard concepts, and the concepts that they use."""
