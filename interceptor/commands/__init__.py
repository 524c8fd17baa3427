"""What people and machines type: one module for the options of a command, one for what it does.

Enters: the command line. Leaves: exit codes. Invariant: a module `…_cli` imports nothing that takes time.
"""
