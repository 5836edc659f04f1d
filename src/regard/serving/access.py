"""Who may ask, and how much: API keys and limits for each key or address."""

from pathlib import Path
from typing import NamedTuple

from starlette.requests import Request

from regard.serving.contract import Parameters, Refused, RequestLimits, without_surrogates
from regard.serving.keys import Key, known_keys
from regard.serving.rate_limit import RateLimit

BEARER = "bearer "


class KeyRules(NamedTuple):
    """Who needs a key. Without a database nobody does, and given keys are ignored."""

    databases: tuple[Path, ...] = ()
    """One or none."""
    is_required: bool = False
    free_origin: str = ""
    """Pages of this origin need none, those of others do; empty: no difference is made."""
    link: str = ""
    """Where a key is to be had."""


class Access:
    def __init__(self, rules: KeyRules, limits: RequestLimits, requests_per_minute: int) -> None:
        """The limits are those of requests without a key."""
        self.rules, self.limits = rules, limits
        self.requests_per_minute = requests_per_minute
        self.rate_limit = RateLimit()

    def check(self, request: Request, parameters: Parameters) -> RequestLimits:
        """The limits of a request. Raises Refused."""
        keys = self.keys_of(request, parameters)
        if not keys and self.needs_key(request):
            link = self.rules.link
            where = f"Visit {link}" if link else "Please contact the server operator"
            raise Refused(f"{where} to get an API key")
        for key in keys:
            self.rate_limit.check(f"key {key.name}", key.requests_per_minute)
            return self.limits._replace(characters=key.characters)
        address = request.client.host if request.client else ""
        self.rate_limit.check(address, self.requests_per_minute)
        return self.limits

    def keys_of(self, request: Request, parameters: Parameters) -> list[Key]:
        """The key that comes with a request, or none. Raises Refused if it is wrong."""
        given = parameters.get("api_key") or bearer_token(request)
        if not given or not self.rules.databases:
            return []
        keys = known_keys(self.rules.databases[0], without_surrogates(str(given)))
        if not keys:
            raise Refused("Invalid API key", 403)
        return keys

    def needs_key(self, request: Request) -> bool:
        if not self.rules.databases:
            return False
        free = self.rules.free_origin
        return self.rules.is_required or bool(free and request.headers.get("origin") != free)


def bearer_token(request: Request) -> str:
    given = request.headers.get("authorization", "")
    return given[len(BEARER) :].strip() if given.lower().startswith(BEARER) else ""
