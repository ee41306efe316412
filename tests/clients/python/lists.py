"""Lists, filters, and purging by them."""

from datetime import datetime, timezone

from azure.durable_functions.models.OrchestrationRuntimeStatus import OrchestrationRuntimeStatus as Status

from checks import refused, same, until

MANY = 120
"""More than a page of a hundred."""


def now():
    return datetime.now(timezone.utc)


def ids(statuses):
    return [status.instance_id for status in statuses]


async def run(client, checks):
    ended = [f"py-list 한 {number}" for number in range(MANY)]
    alive = "py-list alive"
    since = now()

    async with checks.check(f"start {MANY}"):
        for id in ended:
            await client.start_new("LongTimer", id, 0)
        for id in ended:
            await until(client, id, lambda status: status.runtime_status == Status.Completed)
        await client.start_new("LongTimer", alive)
        await until(client, alive, lambda status: status.runtime_status == Status.Running)

    afterwards = now()
    await client.start_new("LongTimer", "py-list later", 0)

    async with checks.check("a list is its first page, in the order of creation"):
        # This client does not go on over pages.
        same(ids(await client.get_status_by(since, afterwards)), ended[:100])
        same(len(await client.get_status_all()), 100)

    async with checks.check("a filter by time, status and prefix"):
        async def found(*statuses, **prefix):
            return ids(await client.get_status_by(since, afterwards, list(statuses), **prefix))

        same(await found(Status.Running, Status.Failed), [alive])
        same(await found(instance_id_prefix="py-list a"), [alive])
        same(await found(Status.Completed, instance_id_prefix="py-list 한 11"), ["py-list 한 11", *ended[110:]])
        same(await found(instance_id_prefix="PY-LIST"), [])
        same(ids(await client.get_status_by(created_time_from=now())), [])

    async with checks.check("purge by a filter, and only what has ended"):
        async def purge(*statuses):
            purged = await client.purge_instance_history_by(since, afterwards, list(statuses))
            return purged.instances_deleted

        same(await purge(Status.Failed), 0)
        same(await purge(Status.Completed, Status.Running), len(ended))
        same(ids(await client.get_status_by(since, afterwards)), [alive])
        await client.terminate(alive, "enough")
        same(await purge(), 1)
        same(await purge(), 0)
        await refused(client.purge_instance_history_by(), "created_time_from")
