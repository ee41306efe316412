"""What is done to an instance: raise, terminate, suspend, resume, rewind, restart, purge."""

from azure.durable_functions.models.OrchestrationRuntimeStatus import OrchestrationRuntimeStatus as Status

from checks import refused, same, until

WORDS = "더 이상 & 필요 # 없음 ? a + b / 100%"
"""All but `rewind` encode the reason."""


async def run(client, checks):
    async def is_at(id, runtime_status):
        return await until(client, id, lambda status: status.runtime_status == runtime_status)

    async with checks.check("an event with a value, by a name in another letter case"):
        id = await client.start_new("ReserveTicket", client_input="user-1")
        offer = await until(client, id, lambda status: status.custom_status is not None)
        same([offer.runtime_status, offer.custom_status["discount"]], [Status.Running, 10])
        await client.raise_event(id, "bookingConfirmed", True)
        status = await is_at(id, Status.Completed)
        same([status.output, status.custom_status], [True, {"message": "Thank you for confirming your booking."}])

    async with checks.check("an event without a value, and one whose name has blanks and Hangul"):
        id = await client.start_new("StayInLondon")
        await until(client, id, lambda status: status.custom_status == "London")
        await client.raise_event(id, "부름 한 번", 1)
        await client.raise_event(id, "Leave")
        same((await is_at(id, Status.Completed)).custom_status, "London")

    async with checks.check("an event for what has ended, or for nobody, is an error"):
        id = await client.start_new("LongTimer", client_input=0)
        await is_at(id, Status.Completed)
        await refused(client.raise_event(id, "late", 1), "is gone")
        await refused(client.raise_event("py-nobody", "any", 1), "No instance with ID")

    async with checks.check("terminate keeps the reason and the custom status"):
        id = await client.start_new("StayInLondon")
        await until(client, id, lambda status: status.custom_status == "London")
        await client.terminate(id, WORDS)
        status = await client.get_status(id)
        same([status.runtime_status, status.output, status.custom_status], [Status.Terminated, WORDS, "London"])
        await client.terminate(id, "again")
        same((await client.get_status(id)).output, WORDS)
        await refused(client.terminate("py-nobody", "any"), "No instance with ID")

    async with checks.check("suspend keeps events until resume"):
        id = await client.start_new("WaitForApproval")
        await is_at(id, Status.Running)
        await client.suspend(id, WORDS)
        same((await client.get_status(id)).runtime_status, Status.Suspended)
        await client.raise_event(id, "Approval", "go on")
        await client.suspend(id, WORDS)
        same((await client.get_status(id)).runtime_status, Status.Suspended)
        await client.resume(id, "back")
        await is_at(id, Status.Completed)
        events = (await client.get_status(id, show_history=True)).historyEvents
        reasons = [(event["EventType"], event["Reason"]) for event in events if "Reason" in event]
        same(reasons, [("ExecutionSuspended", WORDS), ("ExecutionResumed", "back")])
        await client.resume(id, "has ended")
        await refused(client.suspend("py-nobody", "any"), "No instance with ID")
        await refused(client.resume("py-nobody", "any"), "No instance with ID")

    async with checks.check("rewind lets what failed go on, and nothing else"):
        id = await client.start_new("FailsUntilRewound")
        await is_at(id, Status.Failed)
        await client.rewind(id, "다시 한 번")
        same((await is_at(id, Status.Completed)).output, "the other side is back")
        events = (await client.get_status(id, show_history=True)).historyEvents
        same([event["Reason"] for event in events if event["EventType"] == "ExecutionRewound"], ["다시 한 번"])
        await refused(client.rewind(id, "again"), "it is Completed")
        await refused(client.rewind("py-nobody", "any"), "No instance with ID")

    async with checks.check("restart under another id, and under the same"):
        id = "py-restart 한"
        await client.start_new("E1_HelloSequence", id, ["Oslo"])
        await is_at(id, Status.Completed)
        # This client hands on the whole answer, not the id alone.
        again = (await client.restart(id))["id"]
        same(again == id, False)
        same((await is_at(again, Status.Completed)).output, ["Hello Oslo!"])
        same((await client.restart(id, restart_with_new_instance_id=False))["id"], id)
        same((await is_at(id, Status.Completed)).output, ["Hello Oslo!"])
        await refused(client.restart("py-nobody"), "400")

    async with checks.check("restart of what lives, under the same id, is refused"):
        id = await client.start_new("LongTimer")
        await refused(client.restart(id, restart_with_new_instance_id=False), "409")
        await client.terminate(id, "enough")

    async with checks.check("purge one, that has ended"):
        id = await client.start_new("LongTimer")
        await refused(client.purge_instance_history(id), "412")
        await client.terminate(id, "to be purged")
        same((await client.purge_instance_history(id)).instances_deleted, 1)
        same((await client.purge_instance_history(id)).instances_deleted, 0)
        same(bool(await client.get_status(id)), False)
