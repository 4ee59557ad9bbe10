"""What a provider took: duplicates by delivery id, gaps in numbered series, order within a key, and callers that
did not wait as they were told."""

import collections


class Ledger:
    """Of one plan. A message belongs to a series when its external_id is "NAME-NUMBER", numbers from 0."""

    NAMED_AT_MOST = 20

    def __init__(self):
        self.requests = 0
        self.requests_of = collections.Counter()  # by delivery id
        self.accepted_of = collections.Counter()
        self.answers = collections.Counter()
        self.series = collections.defaultdict(set)
        self.last_of_key = {}
        self.out_of_order = []
        self.in_flight = self.in_flight_max = 0
        self.closed_until = 0.0
        self.early = 0

    def arrived(self, delivery_id, now):
        """The number of this request among its delivery's."""
        self.requests += 1
        self.requests_of[delivery_id] += 1
        self.in_flight += 1
        self.in_flight_max = max(self.in_flight_max, self.in_flight)
        # Of callers with one request at a time this is exact; others may have had some on the way.
        self.early += now < self.closed_until
        return self.requests_of[delivery_id]

    def told_to_wait(self, until):
        self.closed_until = max(self.closed_until, until)

    def answered(self):
        self.in_flight -= 1

    def accepted(self, delivery_id, message):
        """True for the first time."""
        self.accepted_of[delivery_id] += 1
        if self.accepted_of[delivery_id] > 1:
            return False
        name, dash, number = (message.get("external_id") or "").rpartition("-")
        if dash and number.isdigit():
            self.series[name].add(int(number))
            if key := message.get("key"):
                last = self.last_of_key.get(key, -1)
                if int(number) < last:
                    self.out_of_order.append(f"{key}: {number} after {last}")
                self.last_of_key[key] = int(number)
        return True

    def report(self, expected=None):
        """`expected` names how many messages each series has; without it, up to the greatest number seen."""
        repeated = {id_: count for id_, count in self.accepted_of.items() if count > 1}
        return {
            "requests": self.requests,
            "accepted": len(self.accepted_of),
            "duplicates": sum(count - 1 for count in repeated.values()),
            "repeated": sorted(repeated)[:self.NAMED_AT_MOST],
            "answers": dict(self.answers),
            "early": self.early,
            "in_flight_max": self.in_flight_max,
            "out_of_order": self.out_of_order[:self.NAMED_AT_MOST],
            "series": {name: self._series(name, (expected or {}).get(name))
                       for name in sorted(set(self.series) | set(expected or {}))},
        }

    def _series(self, name, expected):
        seen = self.series[name]
        count = max(seen, default=-1) + 1 if expected is None else expected
        missing = [number for number in range(count) if number not in seen]
        return {"seen": len(seen), "missing": len(missing), "first_missing": missing[:self.NAMED_AT_MOST]}
