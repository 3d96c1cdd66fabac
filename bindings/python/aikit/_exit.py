"""What happens when the interpreter ends."""

from . import _aikit

# How long the end of the program may wait for runs under way to record that they were cancelled.
PATIENCE_SECONDS = 2.0


def register() -> None:
    """Ends what is in flight before the interpreter is taken down.

    Nothing is needed for `fork`: the core notices it by itself, handles made before it answer
    `aikit.Forked` in the child, and a child that never used aikit has nothing to end.
    """
    import atexit

    atexit.register(_aikit.shutdown, PATIENCE_SECONDS)
