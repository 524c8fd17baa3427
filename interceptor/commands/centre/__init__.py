"""The commands of the centre: one module for each noun; `desk` is what they share."""
