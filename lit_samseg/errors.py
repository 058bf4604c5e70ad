"""The one error a user is meant to read."""


class InputError(Exception):
    """Something the user gave cannot be used.

    The message is one line that names what was wrong (file, option, value) and what would be right. The
    command line prints it without a traceback and ends with exit code 2.
    """
