"""Townships, dens, moving dens, and a map of them."""
