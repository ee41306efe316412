// The client as a function of an Azure application gets it: from the binding data of its host.

"use strict";

const df = require("durable-functions");

// Without a name the package takes itself to be in development, and sends everything to a port of its own choice.
process.env.WEBSITE_HOSTNAME = "localhost";

const WEBHOOK = "/runtime/webhooks/durabletask";

/** Either of the two ways in: `rpc` as on a host with a local RPC endpoint, `webhook` as on one without. */
exports.client = function client(origin, mode, key) {
  const input = df.input.durableClient();
  const data = bindingData(origin, mode, key);
  return df.getClient({ options: { extraInputs: [input] }, extraInputs: { get: () => data } });
};

function bindingData(origin, mode, key) {
  const base = origin + WEBHOOK;
  const code = key ? `code=${key}` : "";
  const common = ["taskHub=default", "connection=Storage", code].filter(Boolean).join("&");
  const instance = `${base}/instances/INSTANCEID`;
  const withReason = operation => `${instance}/${operation}?reason={text}&${common}`;
  const create = `${base}/orchestrators/{functionName}[/{instanceId}]`;
  return {
    taskHubName: "default",
    creationUrls: {
      createNewInstancePostUri: code ? `${create}?${code}` : create,
      createAndWaitOnNewInstancePostUri: `${create}?timeout={timeoutInSeconds}&pollingInterval={intervalInSeconds}&${code}`,
    },
    managementUrls: {
      id: "INSTANCEID",
      statusQueryGetUri: `${instance}?${common}`,
      sendEventPostUri: `${instance}/raiseEvent/{eventName}?${common}`,
      terminatePostUri: withReason("terminate"),
      rewindPostUri: withReason("rewind"),
      purgeHistoryDeleteUri: `${instance}?${common}`,
      restartPostUri: `${instance}/restart?${common}`,
      suspendPostUri: withReason("suspend"),
      resumePostUri: withReason("resume"),
    },
    baseUrl: base,
    requiredQueryStringParameters: code,
    rpcBaseUrl: mode === "rpc" ? `${origin}/durabletask/` : undefined,
  };
}
