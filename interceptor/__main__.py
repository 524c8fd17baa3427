"""`python -m interceptor`: the same as the command `interceptor`."""

from interceptor.cli import main

if __name__ == "__main__":
    main()
