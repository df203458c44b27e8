"""What clients are called: a name is tied to the node that says it first, for the whole run.

Who a client is, is the node that its messages come from: Flower's own number, for which a node has
a key. What it calls itself is a word in its answer, which any other node can say, too.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

LOG = logging.getLogger("flwr.decentralml")
NUMBERED = re.compile(r"(?:client-)?([0-9]+)")


def numbered(node: int) -> str:
    """What a node is called that has no name of its own."""
    return f"client-{node}"


@dataclass
class Names:
    """The names of a run.

    Attributes
    ----------
    nodes : whose name each is.
    contested : names that several nodes said at once, which are nobody's.
    """

    nodes: dict[str, int] = field(default_factory=dict)
    contested: set[str] = field(default_factory=set)
    _names: dict[int, str] = field(default_factory=dict)

    def of(self, node: int) -> str:
        """What a node is called."""
        return self._names.get(node, numbered(node))

    def take(self, number: int, claims: Mapping[int, str]) -> None:
        """Hear what nodes call themselves in a round; a node keeps its first name.

        A name that another node has from an earlier round stays that one's. One that several claim
        at once is nobody's in this run, and so is another node's number: they are called by theirs.
        """
        claimants: dict[str, list[int]] = {}
        for node, name in claims.items():
            if name not in (self.of(node), numbered(node)):
                claimants.setdefault(name, []).append(node)
        for name, nodes in claimants.items():
            if name in self.nodes:
                self._doubt(number, name, [self.nodes[name], *nodes], "the first has it")
            elif name in self.contested or len(nodes) > 1:
                self.contested.add(name)
                self._doubt(number, name, nodes, "none of them is believed")
            elif (match := NUMBERED.fullmatch(name)) is not None:
                self._doubt(number, name, [int(match[1]), *nodes], "the first has it")
            elif nodes[0] in self._names:
                self._doubt(number, name, nodes, f"it is {self.of(nodes[0])}, as before")
            else:
                self.nodes[name] = nodes[0]
                self._names[nodes[0]] = name
                LOG.debug("Round %s: node %s is called %s", number, nodes[0], name)

    def named(self, asked: str) -> str:
        """What a client is called that an operator names by its name, or by its node's number."""
        match = NUMBERED.fullmatch(asked)
        return asked if match is None else self.of(int(match[1]))

    def _doubt(self, number: int, name: str, nodes: list[int], why: str) -> None:
        who = ", ".join(map(str, nodes))
        LOG.warning("Round %s: %s is what these nodes call themselves: %s; %s",
                    number, name, who, why)  # fmt: skip
