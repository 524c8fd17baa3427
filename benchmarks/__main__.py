"""`python -m benchmarks`: the same as `interceptor bench`. Enters: arguments. Leaves: an exit code. Invariant: none."""

import typer

from interceptor.commands.bench_cli import bench

if __name__ == "__main__":
    typer.run(bench)
