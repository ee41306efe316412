"""Starting, and looking: status, history, links, waiting for the end."""

import json
import re

from azure.durable_functions import EntityId
from azure.durable_functions.models.OrchestrationRuntimeStatus import OrchestrationRuntimeStatus as Status
from azure.functions import HttpRequest

from checks import refused, same, until

GREETINGS = ["Hello Tokyo!", "Hello Seattle!", "Hello London!"]
REQUEST = HttpRequest("POST", "https://shop.example:8443/api/order?x=1", body=b"")


async def run(client, checks, origin):
    async def completed(id, **options):
        return await until(client, id, lambda status: status.runtime_status == Status.Completed, **options)

    async with checks.check("start without id and input gives an id of its own"):
        id = await client.start_new("E1_HelloSequence")
        same(bool(re.fullmatch("[0-9a-f]{32}", id)), True)
        status = await completed(id)
        same([status.name, status.instance_id, status.input_, status.output], ["E1_HelloSequence", id, None, GREETINGS])
        same([status.created_time.tzinfo is None, status.last_updated_time is None], [False, False])

    async with checks.check("start with id and input, which comes back as it was sent"):
        id = "py-with-input"
        cities = ["서울", "a \"b\""]
        same(await client.start_new("E1_HelloSequence", id, cities), id)
        status = await completed(id, show_input=True)
        same(status.output, ["Hello 서울!", "Hello a \"b\"!"])
        # This client encodes twice, and its worker decodes twice.
        same(json.loads(status.input_), cities)

    async with checks.check("a number that was encoded twice is the number that was meant"):
        id = await client.start_new("LongTimer", client_input=0)
        status = await completed(id, show_input=True)
        same([status.input_, status.output], ["0", 0])

    async with checks.check("an id may have Hangul, blanks and reserved characters"):
        for id in ["py 한국어 id", "py-a+b&c=d;e,f:g@h!(i)*~$", "py-50%"]:
            same(await client.start_new("LongTimer", id, 0), id)
            same((await completed(id)).instance_id, id)
            same((await client.purge_instance_history(id)).instances_deleted, 1)

    async with checks.check("an id that has ended can be started anew, and one that lives cannot"):
        id = "py-again"
        await client.start_new("LongTimer", id, 0)
        await completed(id)
        await client.start_new("LongTimer", id)
        await refused(client.start_new("LongTimer", id), "Running")
        await client.terminate(id, "enough")

    async with checks.check("what cannot be started is refused with the reason"):
        await refused(client.start_new("Nobody"), "Nobody")
        await refused(client.start_new("LongTimer", version="7.0"), "7.0")
        await refused(client.start_new("E1_HelloSequence", client_input=[1]), "cities")
        await refused(client.start_new("LongTimer", "@entity@like"), "instance id")

    async with checks.check("polling shows the custom statuses in their order, until it is London"):
        id = await client.start_new("E1_HelloSequence")
        # One that polls may miss one.
        seen = []

        def is_london(status):
            if status.custom_status and status.custom_status not in seen:
                seen.append(status.custom_status)
            return status.custom_status == "London"

        await until(client, id, is_london)
        same(seen, [city for city in ["Tokyo", "Seattle", "London"] if city in seen])

    async with checks.check("status with and without history"):
        id = "py-history"
        await client.start_new("E1_HelloSequence", id, ["Oslo"])
        await completed(id)
        status = await client.get_status(id, show_history=True, show_history_output=True, show_input=True)
        # This client looks for the history under a key that the API does not have, and keeps it under the one that it has.
        events = status.historyEvents
        same([event["EventType"] for event in events], ["ExecutionStarted", "TaskCompleted", "ExecutionCompleted"])
        same([events[1]["FunctionName"], events[1]["Result"]], ["E1_SayHello", "Hello Oslo!"])
        status = await client.get_status(id, show_history=True)
        same("Result" in status.historyEvents[1], False)
        same(hasattr(await client.get_status(id), "historyEvents"), False)

    async with checks.check("the status of what is not there is false"):
        status = await client.get_status("py-nobody")
        same([bool(status), status.runtime_status], [False, None])

    async with checks.check("the check-status answer has the addresses of the instance"):
        id = await client.start_new("LongTimer")
        response = client.create_check_status_response(REQUEST, id)
        links = json.loads(response.get_body())
        same([response.status_code, response.headers["Retry-After"], links["id"]], [202, "10", id])
        address = f"/runtime/webhooks/durabletask/instances/{id}?taskHub=default&connection=Storage"
        same(response.headers["Location"], f"https://shop.example:8443{address}")
        same(client.create_http_management_payload(id)["statusQueryGetUri"], f"{origin}{address}")
        await client.terminate(id, "enough")

    async with checks.check("waiting for the end answers with the output, the failure, or the addresses"):
        async def wait(id, timeout):
            interval = min(timeout, 20)
            waits = client.wait_for_completion_or_create_check_status_response(REQUEST, id, timeout, interval)
            response = await waits
            return response.status_code, json.loads(response.get_body())

        same(await wait(await client.start_new("E1_HelloSequence"), 60_000), (200, GREETINGS))
        code, failed = await wait(await client.start_new("AlwaysFails"), 60_000)
        failure = "Orchestrator function 'AlwaysFails' failed: this orchestration always fails"
        same([code, failed["runtimeStatus"], failed["output"]], [500, "Failed", failure])
        id = await client.start_new("LongTimer")
        code, links = await wait(id, 0)
        same([code, links["id"], "rewindPostUri" in links], [202, id, True])
        await client.terminate(id, "enough")
        code, ended = await wait(id, 60_000)
        same([code, ended["runtimeStatus"], ended["output"]], [200, "Terminated", "enough"])

    async with checks.check("there are no entities: reading finds nothing, signalling is refused"):
        same((await client.read_entity_state(EntityId("Counter", "한 1"))).entity_exists, False)
        await refused(client.signal_entity(EntityId("Counter", "k"), "add", 1), "501")
