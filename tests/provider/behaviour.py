"""How a provider answers: behaviours in words, and the plan that picks one for each request.

Words: the behaviour, then its arguments.

  ok [STATUS]            accepts and answers STATUS (200)
  status STATUS [AFTER]  answers it, with "Retry-After: AFTER" when given
  slow SECONDS           accepts and answers 200 after that long
  hang | reset | close | garbage              never answers, resets, closes, answers what is no HTTP; accepts nothing
  ok-hang | ok-reset | ok-close | ok-garbage  the same after having accepted: its caller cannot know

A plan is one JSON object:

  {"steps": ["status 503", "ok"]}             one a request, the last one stays
  {"mix": {"status 503": 0.05, "reset": 0.01}, "seed": 7}
                                              shares of the requests, the rest is accepted; what a delivery
                                              meets depends on its id, the number of its request, and the seed
  {"limit": {"rate": 50, "burst": 10, "retry_after": 2}}
                                              over so many a second: 429; without retry_after it does not say
  {"flap": {"up": 0.5, "down": 0.5, "as": "status 503"}}
                                              seconds of each in turn, from the first request on
  {"idempotent": true}                        a delivery id it accepted before is answered 200 and not
                                              accepted again
They go together: flap is asked first, then limit, mix, steps.
"""

import hashlib
import time

ACCEPTING = ("ok", "slow", "ok-hang", "ok-reset", "ok-close", "ok-garbage")
REFUSING = ("status", "hang", "reset", "close", "garbage")
OK = ["ok"]


class PlanError(ValueError):
    """A plan that makes no sense, in words for who wrote it."""


def parse(words):
    """["status", "503"] for "status 503"."""
    parts = words.split()
    if not parts or parts[0] not in ACCEPTING + REFUSING:
        raise PlanError(f"no behaviour: {words!r}")
    if parts[0] in ("status", "slow") and len(parts) < 2:
        raise PlanError(f"an argument is missing: {words!r}")
    [float(argument) for argument in parts[1:]]
    return parts


def accepts(words):
    """Whether the message counts as taken, whatever its sender hears."""
    return words[0] in ACCEPTING


class Limit:
    """A token bucket as a provider has one, and whether its callers wait as they are told."""

    def __init__(self, rate, burst=1, retry_after=None):
        self.rate, self.burst, self.retry_after = float(rate), float(burst), retry_after
        self.tokens, self.at = self.burst, None

    def take(self, now):
        """None, or the words of the refusal."""
        if self.at is not None:
            self.tokens = min(self.burst, self.tokens + (now - self.at) * self.rate)
        self.at = now
        if self.tokens >= 1:
            self.tokens -= 1
            return None
        return ["status", "429"] + ([str(self.retry_after)] if self.retry_after is not None else [])


class Plan:
    KEYS = {"steps", "mix", "seed", "limit", "flap", "idempotent"}

    def __init__(self, settings=None, clock=time.monotonic):
        settings = settings or {}
        if unknown := set(settings) - self.KEYS:
            raise PlanError(f"unknown keys: {', '.join(sorted(unknown))}")
        self.steps = [parse(words) for words in settings.get("steps", [])]
        self.mix = [(parse(words), float(share)) for words, share in settings.get("mix", {}).items()]
        if sum(share for _, share in self.mix) > 1:
            raise PlanError("the shares of the mix are more than 1 together")
        self.seed = settings.get("seed", 0)
        self.limit = Limit(**settings["limit"]) if "limit" in settings else None
        self.flap = settings.get("flap")
        self.idempotent = bool(settings.get("idempotent", False))
        self.clock = clock
        self.began = None

    def pick(self, delivery_id, request_number):
        """The words by which this request is answered; a delivery's requests count from 1."""
        now = self.clock()
        self.began = now if self.began is None else self.began
        if self.flap:
            up = float(self.flap["up"])
            if (now - self.began) % (up + float(self.flap["down"])) >= up:
                return parse(self.flap.get("as", "status 503"))
        if self.limit and (refusal := self.limit.take(now)):
            return refusal
        if drawn := self._draw(delivery_id, request_number):
            return drawn
        if self.steps:
            return self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        return OK

    def _draw(self, delivery_id, request_number):
        text = f"{self.seed}:{delivery_id}:{request_number}".encode()
        point = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") / 2**64
        for words, share in self.mix:
            if point < share:
                return words
            point -= share
        return None
