"""The cases, by what they measure. Enters: a Setting. Leaves: Work or figures. Invariant: each module has CASES."""
