"""The client as a function of an Azure application gets it: from the binding data of its host."""

import json

from azure.durable_functions import DurableOrchestrationClient


def client(origin: str) -> DurableOrchestrationClient:
    """This client asks at the RPC endpoint only; the other addresses are those that it hands out."""
    base = f"{origin}/runtime/webhooks/durabletask"
    common = "taskHub=default&connection=Storage"
    instance = f"{base}/instances/INSTANCEID"
    create = f"{base}/orchestrators/{{functionName}}[/{{instanceId}}]"
    waits = "timeout={timeoutInSeconds}&pollingInterval={intervalInSeconds}"
    operations = {
        f"{operation}PostUri": f"{instance}/{operation}?reason={{text}}&{common}"
        for operation in ("terminate", "rewind", "suspend", "resume")
    }
    return DurableOrchestrationClient(json.dumps({
        "taskHubName": "default",
        "creationUrls": {
            "createNewInstancePostUri": create,
            "createAndWaitOnNewInstancePostUri": f"{create}?{waits}",
        },
        "managementUrls": {
            "id": "INSTANCEID",
            "statusQueryGetUri": f"{instance}?{common}",
            "sendEventPostUri": f"{instance}/raiseEvent/{{eventName}}?{common}",
            **operations,
            "purgeHistoryDeleteUri": f"{instance}?{common}",
            "restartPostUri": f"{instance}/restart?{common}",
        },
        "baseUrl": base,
        "requiredQueryStringParameters": "",
        "rpcBaseUrl": f"{origin}/durabletask/",
    }))
