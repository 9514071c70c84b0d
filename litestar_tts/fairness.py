"""Places that clients share fairly: few for a flood, one at once for whoever has none.

Each client has a line of its own. A free place goes to the client that holds fewest, and among equals to the one that
has been served least recently: a single place goes round, many are divided evenly, and five hundred requests of one
client cost another with one request no more than a place's turn.

Nothing here awaits between looking and taking, so on one event loop the counts are exact without any lock.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ("FairLine", "FairPlaces", "LineFullError")

T = TypeVar("T")


class LineFullError(Exception):
    """There is no room to wait in, or it was needed for somebody who asked for less."""


class FairLine(Generic[T]):
    """Who waits, and who is next. Knows how many places each client holds; clients without any are forgotten.

    It belongs to no event loop and does not lock.

    Args:
        max_waiting: How many may wait. When all do, a newcomer whose client waits with clearly fewer takes the room of
            the latest of the client that waits with most.
        cap: Places that one client may hold; None: any number. The client without a name, ``""``, may always hold any
            number, since nobody knows how many it is.
    """

    def __init__(self, *, max_waiting: int, cap: int | None = None) -> None:
        self._max_waiting = max_waiting
        self._cap = cap
        self._clients: dict[str, _Client[T]] = {}
        # Clients that wait and may be served, by the places that they hold. With n places taken there are at most
        # about the root of 2n such numbers, so the smallest is found at once.
        self._ranks: dict[int, OrderedDict[str, None]] = {}
        self._waiting = 0

    def __len__(self) -> int:
        """How many wait."""
        return self._waiting

    def waiting(self, client: str) -> int:
        """How many of a client wait."""
        known = self._clients.get(client)
        return len(known.line) if known is not None else 0

    def ahead(self, client: str) -> int:
        """How many are served before one more of this client would be, if nobody else came."""
        mine = self.waiting(client)
        return sum(min(len(other.line), mine + (name != client)) for name, other in self._clients.items())

    def may_hold_more(self, client: str) -> bool:
        """Whether the cap lets a client have another place."""
        known = self._clients.get(client)
        return known is None or self._under_cap(client, known)

    def take(self, client: str) -> None:
        """Count a place that a client has got without waiting."""
        known = self._clients.setdefault(client, _Client())
        self._delist(client, known)
        known.held += 1
        self._enlist(client, known)

    def give_back(self, client: str) -> None:
        """Count a place that a client has given back."""
        known = self._clients[client]
        self._delist(client, known)
        known.held -= 1
        self._enlist(client, known)

    def join(self, client: str, item: T) -> T | None:
        """Wait; ``item`` stands for who does. Gives the item that had to make room.

        Raises:
            LineFullError: The line is full, and this client waits with as many as anybody.
        """
        displaced = self._make_room(client) if self._waiting >= self._max_waiting else None
        known = self._clients.setdefault(client, _Client())
        known.line[item] = None
        self._waiting += 1
        self._enlist(client, known)
        return displaced

    def drop(self, client: str, item: T) -> None:
        """Wait no longer; harmless for who does not wait."""
        known = self._clients.get(client)
        if known is not None and item in known.line:
            del known.line[item]
            self._waiting -= 1
            if not known.line:
                self._delist(client, known)
                self._forget_idle(client, known)

    def next(self) -> tuple[str, T] | None:
        """Serve whoever is next, with a place that is counted as its client's; None: nobody who waits may have one."""
        if not self._ranks:
            return None
        client = next(iter(self._ranks[min(self._ranks)]))
        known = self._clients[client]
        item, _ = known.line.popitem(last=False)
        self._waiting -= 1
        self.take(client)
        return client, item

    def clear(self) -> list[T]:
        """Empty the line; gives who waited."""
        items = [(client, item) for client, known in self._clients.items() for item in known.line]
        for client, item in items:
            self.drop(client, item)
        return [item for _, item in items]

    def _make_room(self, client: str) -> T:
        name, greediest = max(self._clients.items(), key=lambda entry: len(entry[1].line), default=(client, None))
        # Clearly fewer: the two must not end up the other way round and displace each other in turns.
        if greediest is None or self.waiting(client) + 1 >= len(greediest.line):
            raise LineFullError
        item = next(reversed(greediest.line))
        self.drop(name, item)
        return item

    def _under_cap(self, client: str, known: _Client[T]) -> bool:
        return self._cap is None or not client or known.held < self._cap

    def _delist(self, client: str, known: _Client[T]) -> None:
        rank = self._ranks.get(known.held)
        if rank is not None and client in rank:
            del rank[client]
            if not rank:
                del self._ranks[known.held]

    def _enlist(self, client: str, known: _Client[T]) -> None:
        if known.line and self._under_cap(client, known):
            self._ranks.setdefault(known.held, OrderedDict())[client] = None
        self._forget_idle(client, known)

    def _forget_idle(self, client: str, known: _Client[T]) -> None:
        if not known.line and not known.held:
            del self._clients[client]


class _Client(Generic[T]):
    __slots__ = ("held", "line")

    def __init__(self) -> None:
        self.held = 0
        self.line: OrderedDict[T, None] = OrderedDict()


class FairPlaces:
    """A number of places on one event loop, each taken by one client at a time.

    Args:
        places: How many there are.
        max_waiting: As for :class:`FairLine`.
        cap: Likewise.
    """

    def __init__(self, places: int, *, max_waiting: int, cap: int | None = None) -> None:
        self._places = places
        self._taken = 0
        self._line: FairLine[asyncio.Future[None]] = FairLine(max_waiting=max_waiting, cap=cap)

    @property
    def places(self) -> int:
        """How many there are; more may still be taken when their number has shrunk."""
        return self._places

    @property
    def taken(self) -> int:
        """How many are taken."""
        return self._taken

    @property
    def line(self) -> FairLine[asyncio.Future[None]]:
        """Who waits."""
        return self._line

    async def take(self, client: str, *, patience: float) -> None:
        """Wait for a place, which :meth:`leave` gives back.

        Args:
            client: Whose it will be.
            patience: Seconds to wait at most.

        Raises:
            LineFullError: No room to wait in.
            TimeoutError: No place came free in time.
        """
        if self._taken < self._places and self._line.may_hold_more(client):
            self._taken += 1
            self._line.take(client)
            return
        turn = asyncio.get_running_loop().create_future()
        displaced = self._line.join(client, turn)
        if displaced is not None and not displaced.done():
            displaced.set_exception(LineFullError())
        try:
            async with asyncio.timeout(patience):
                await turn
        except BaseException:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.leave(client)  # the place came in the moment of leaving
            else:
                self._line.drop(client, turn)
            raise

    def leave(self, client: str) -> None:
        """Give back a place of this client."""
        self._taken -= 1
        self._line.give_back(client)
        self._serve()

    def fail(self, error: Callable[[], Exception]) -> None:
        """Whoever waits, waits in vain."""
        for turn in self._line.clear():
            if not turn.done():
                turn.set_exception(error())

    def resize(self, places: int) -> None:
        """Change the number of places; who has one keeps it."""
        self._places = places
        self._serve()

    def _serve(self) -> None:
        while self._taken < self._places and (served := self._line.next()) is not None:
            client, turn = served
            if turn.done():  # it has left, and has not had the time to say so
                self._line.give_back(client)
                continue
            self._taken += 1
            turn.set_result(None)
