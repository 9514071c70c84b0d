"""Who a client is, and what the rate limiter tells it.

The middleware on the plugin's router counts nothing by itself: it puts a gate into the connection's scope, and the
handler that is about to make speech calls :func:`spend`. So refused requests, lists and health cost nothing, and a
socket pays for each utterance. On a host's own routes ``on_entry=True`` counts every request instead.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final, cast

import msgspec
from litestar.connection import ASGIConnection
from litestar.datastructures import Headers
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from litestar_tts.config import TTSConfig
from litestar_tts.exceptions import RateLimitedError
from litestar_tts.limits import Decision, RateLimiter
from litestar_tts.web.auth import known_key
from litestar_tts.web.keys import ApiKeys
from litestar_tts.web.problems import MEDIA_TYPE, instance_of, problem_of

__all__ = ("ClientIdentity", "RateLimitMiddleware", "rate_limit_headers", "spend")

Address = IPv4Address | IPv6Address

SCOPE_KEY: Final = "litestar_tts.rate_gate"
MAX_HOPS: Final = 32
"""Hops of ``X-Forwarded-For`` that are looked at, from the right."""
IPV6_PREFIX: Final = 64
"""One customer has at least this network to himself, so its addresses are one client."""
USER_FIELDS: Final = ("id", "uuid", "sub", "identity", "username", "email", "name")
"""What names a user, in this order; the host's authentication decides what ``user`` is."""


class ClientIdentity:
    """Names the client of a connection: by API key, else by user, else by address.

    Args:
        keys: Keys that make a client of their own. Any other key is no client, or everybody could make new ones.
        trusted_proxies: Networks whose ``X-Forwarded-For`` is believed.
    """

    def __init__(self, *, keys: ApiKeys | None = None, trusted_proxies: Iterable[str] = ()) -> None:
        self._keys = keys
        self._proxies = tuple(ip_network(network, strict=False) for network in trusted_proxies)

    def __call__(self, connection: ASGIConnection[Any, Any, Any, Any]) -> str:
        """A name with its kind in front, such as ``ip:192.0.2.1``; for the limiter only, never for logs."""
        key = known_key(self._keys, connection.headers) if self._keys is not None else None
        if key is not None:
            return f"key:{key}"
        user = _user_name(connection.scope.get("user"))
        return f"user:{user}" if user is not None else f"ip:{self.address(connection.scope)}"

    def address(self, scope: Scope) -> str:
        """The client's address; IPv6 as its network of 64 bits. What is not an address stays as it is."""
        host = (scope.get("client") or ("", 0))[0]
        peer = _parse(host)
        if peer is None:
            return host or "unknown"
        return _network(self._origin(peer, _forwarded_for(scope)))

    def _origin(self, peer: Address, hops: Sequence[str]) -> Address:
        # Each proxy vouches for the hop on its left, so the walk ends at the first one that nobody vouches for.
        nearest = peer
        for hop in hops:
            if not _within(nearest, self._proxies):
                break
            address = _parse(hop)
            if address is None:
                break
            nearest = address
        return nearest


class RateLimitMiddleware(ASGIMiddleware):
    """Gives each connection its gate and the answers of those that spent their ``RateLimit-*`` headers.

    On a host's own routes::

        Router("/podcast", middleware=[RateLimitMiddleware(limiter, on_entry=True)], route_handlers=[…])

    Args:
        limiter: The budget; give the same limiter everywhere to have one budget everywhere.
        identify: Names the client of a connection.
        on_entry: True: every request counts on entry, and one too many is answered here with 429.
    """

    scopes = (ScopeType.HTTP, ScopeType.WEBSOCKET)

    def __init__(
        self,
        limiter: RateLimiter,
        *,
        identify: Callable[[ASGIConnection[Any, Any, Any, Any]], str] | None = None,
        on_entry: bool = False,
    ) -> None:
        self.limiter = limiter
        self.identify = identify or ClientIdentity()
        self.on_entry = on_entry

    @classmethod
    def from_config(
        cls, config: TTSConfig, limiter: RateLimiter, *, keys: ApiKeys | None, on_entry: bool = False
    ) -> "RateLimitMiddleware":
        """The middleware with the proxies of the plugin's configuration, and its keys."""
        identify = ClientIdentity(keys=keys, trusted_proxies=config.trusted_proxies)
        return cls(limiter, identify=identify, on_entry=on_entry)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Prepare the gate, and mark what passes back through it."""
        outer: _Gate | None = cast("dict[str, Any]", scope).get(SCOPE_KEY)
        if outer is not None and outer.limiter is self.limiter:
            # On an outer layer too; one request pays once.
            await next_app(scope, receive, send)
            return
        gate = _Gate(self)
        cast("dict[str, Any]", scope)[SCOPE_KEY] = gate
        if self.on_entry:
            decision = await gate.ask(ASGIConnection(scope))
            if not decision.allowed:
                await _refuse(scope, send, decision)
                return

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start" and gate.decision is not None:
                present = {name.lower() for name, _ in message["headers"]}
                extra = rate_limit_headers(gate.decision, status=message["status"])
                fields = [(name.lower().encode(), value.encode()) for name, value in extra.items()]
                message["headers"] = [*message["headers"], *(field for field in fields if field[0] not in present)]
            await send(message)

        await next_app(scope, receive, send_marked)


class _Gate:
    """The budget as one connection sees it."""

    __slots__ = ("_middleware", "decision")

    def __init__(self, middleware: RateLimitMiddleware) -> None:
        self._middleware = middleware
        self.decision: Decision | None = None

    async def ask(self, connection: ASGIConnection[Any, Any, Any, Any]) -> Decision:
        # Asked as late as here, since the user is known only after the host's own middleware.
        client = self._middleware.identify(connection)
        self.decision = await self._middleware.limiter.spend(client)
        return self.decision

    @property
    def limiter(self) -> RateLimiter:
        return self._middleware.limiter

    @property
    def paid_on_entry(self) -> bool:
        return self._middleware.on_entry


async def spend(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    """Count one utterance of this connection's client; does nothing where no limit is set.

    Call it when everything else about the request was found right, before any speech is made.

    Raises:
        RateLimitedError: The budget is used up; ``retry_after`` says for how long.
    """
    gate: _Gate | None = cast("dict[str, Any]", connection.scope).get(SCOPE_KEY)
    if gate is None or gate.paid_on_entry:
        return
    decision = await gate.ask(connection)
    if not decision.allowed:
        raise _error(decision)


def rate_limit_headers(decision: Decision, *, status: int = 200) -> dict[str, str]:
    """What an answer says about the client's budget; with 429 also when to come back."""
    headers = {
        "RateLimit-Limit": str(decision.limit),
        "RateLimit-Remaining": str(decision.remaining),
        "RateLimit-Reset": str(math.ceil(decision.reset)),
        "RateLimit-Policy": f"{decision.limit};w={decision.window}",
    }
    if status == RateLimitedError.status:
        headers["Retry-After"] = str(_whole_seconds(decision))
    return headers


def _error(decision: Decision) -> RateLimitedError:
    seconds = _whole_seconds(decision)
    detail = f"The limit is {decision.limit} requests per {decision.window} seconds; try again in {seconds} seconds."
    return RateLimitedError(detail, retry_after=seconds)


async def _refuse(scope: Scope, send: Send, decision: Decision) -> None:
    if scope["type"] == ScopeType.WEBSOCKET:
        # Before the handshake is accepted, servers turn this into a 403.
        await send({"type": "websocket.close", "code": 4429, "reason": RateLimitedError.title})
        return
    error = _error(decision)
    body = msgspec.json.encode(problem_of(error, instance_of(scope)))
    headers = {
        "content-type": MEDIA_TYPE,
        "content-length": str(len(body)),
        **rate_limit_headers(decision, status=error.status),
    }
    fields = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": error.status, "headers": fields})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _whole_seconds(decision: Decision) -> int:
    return max(1, math.ceil(decision.retry_after))


def _user_name(user: Any) -> str | None:
    if user is None or getattr(user, "is_authenticated", True) is False:
        return None
    if isinstance(user, (str, int)):
        return str(user) or None
    for field in USER_FIELDS:
        value = user.get(field) if isinstance(user, Mapping) else getattr(user, field, None)
        # Of an object without a name nothing may be taken that differs from one request to the next.
        if value is not None and value != "" and not callable(value):
            return str(value)
    return None


def _forwarded_for(scope: Scope) -> list[str]:
    values = Headers.from_scope(scope).getall("x-forwarded-for", [])
    hops = ",".join(values).rsplit(",", MAX_HOPS)[-MAX_HOPS:]
    return [hop.strip() for hop in reversed(hops)]


def _parse(text: str) -> Address | None:
    host = text.strip().strip('"')
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    # A socket that listens on both families reports IPv4 clients in IPv6.
    return getattr(address, "ipv4_mapped", None) or address


def _within(address: Address, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def _network(address: Address) -> str:
    if address.version == 4:
        return str(address)
    return str(ip_network((int(address), IPV6_PREFIX), strict=False))
