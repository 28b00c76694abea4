"""What tests order and ask, under ``/_test``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from supabase_double.exchange import Answer, Exchange
from supabase_double.faults import Fault
from supabase_double.objects import content_of
from supabase_double.world import Bucket, Table, World


def _objects(world: World) -> list[dict[str, Any]]:
    return [
        {
            "bucket": one.bucket,
            "key": one.key,
            "sha256": one.sha256,
            "size": one.size,
            "content_type": one.content.mimetype,
            "cache_control": one.content.cache_control,
            "metadata": one.content.user_metadata,
        }
        for one in world.objects.values()
    ]


def _transfers(world: World) -> list[dict[str, Any]]:
    told = ("bucket", "key", "offset", "length", "metadata")
    return [{"id": name, **{word: getattr(one, word) for word in told}} for name, one in world.transfers.items()]


def _order(world: World, what: str, said: dict[str, Any]) -> None:
    if what == "reset":
        world.reset()
    elif what == "faults":
        world.faults.append(Fault.ordered(said))
    elif what == "bucket":
        bucket = Bucket(**said)
        world.buckets[bucket.id] = bucket
    elif what == "table":
        table = Table(**said)
        world.tables[table.name] = table
    elif what == "settings":
        world.set(said)
    else:
        raise ValueError(f"nothing to order by {what!r}")


def routed(exchange: Exchange, what: str) -> Answer | None:
    """The answer to ``/_test/WHAT``."""
    world = exchange.world
    with world.lock:
        if exchange.method == "POST":
            try:
                _order(world, what, exchange.json())
            except (TypeError, ValueError) as error:
                return Answer.of({"message": str(error)}, 400)
            return Answer.of({})
        if what == "requests":
            return Answer.of([asdict(one) for one in world.requests])
        if what == "objects":
            return Answer.of(_objects(world))
        if what == "transfers":
            return Answer.of(_transfers(world))
        if what == "faults":
            return Answer.of([asdict(one) for one in world.faults if one.times > 0])
        if what.startswith("rows/") and (table := world.tables.get(what.removeprefix("rows/"))):
            return Answer.of(table.rows)
        if what.startswith("content/"):
            name, _, key = what.removeprefix("content/").partition("/")
            return Answer(200, {"Content-Type": "application/octet-stream"}, file=content_of(world, name, key))
    return None
