"""What else a user could run, one file each, on the same events: `python -m benchmarks.peers.run`.

Enters: the job (`job`), the same for all. Leaves: what each takes for it, beside this project's engine. Invariants:
each says how its job differs (`meaning`); how many events hit each rule is held against a reference; what can't be
installed is reported. `peer` is the interface, `registry` lists them, `measuring` runs each in a process of its own,
`environment` holds what they need apart from this project.
"""
