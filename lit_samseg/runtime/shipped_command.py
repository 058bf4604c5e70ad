"""A command that lists files that the package has, or prints one of them to edit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lit_samseg.runtime.plain_words import plain_parser


@dataclass(frozen=True)
class ShippedCommand:
    """What such a command says.

    Attributes:
        name: The command's, as ``classes``.
        description: Stands above the options in its help.
        epilog: Stands below them.
        metavar: What its only word is called in its help.
        help: What that word may be.
        listing: Returns what is printed without a word.
        text: Returns what is printed for a word, or raises InputError.
    """

    name: str
    description: str
    epilog: str
    metavar: str
    help: str
    listing: Callable[[], str]
    text: Callable[[str], str]

    def run(self, words: Sequence[str]) -> None:
        """Run the command.

        Args:
            words: The command line after the command's name.

        Raises:
            InputError: As of `text`.
            SystemExit: The words are wrong, or help was asked for.
        """
        parser = plain_parser(f"lit-samseg {self.name}", self.description, self.epilog)
        parser.add_argument("given", metavar=self.metavar, nargs="?", help=self.help)
        given = parser.parse_args(list(words)).given
        print(self.listing() if given is None else self.text(given), end="")
