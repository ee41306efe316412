// Starting, and looking: status, history, links, waiting for the end.

"use strict";

const { EntityId } = require("durable-functions");

const { rejects, same, until } = require("./checks.js");

const GREETINGS = ["Hello Tokyo!", "Hello Seattle!", "Hello London!"];
const REQUEST = { url: "https://shop.example:8443/api/order?x=1" };

module.exports = async ({ client, checks, origin, key, mode, name }) => {
  const check = (name, run) => checks.check(name, run);
  const completed = id => until(client, id, status => status.runtimeStatus === "Completed");

  await check("start without id and input gives an id of its own", async () => {
    const id = await client.startNew("E1_HelloSequence");
    same(/^[0-9a-f]{32}$/.test(id), true);
    const status = await completed(id);
    // This client sends an empty string for no input.
    same([status.name, status.instanceId, status.input, status.output], ["E1_HelloSequence", id, "", GREETINGS]);
    same([status.createdTime, status.lastUpdatedTime].map(time => Number.isNaN(time.getTime())), [false, false]);
  });

  await check("start with id and input", async () => {
    const id = name("with-input");
    same(await client.startNew("E1_HelloSequence", { instanceId: id, input: ["서울", "a \"b\""] }), id);
    const status = await completed(id);
    same([status.input, status.output], [["서울", "a \"b\""], ["Hello 서울!", "Hello a \"b\"!"]]);
  });

  await check("an id may have Hangul, blanks and reserved characters", async () => {
    for (const id of ["한국어 id", "a+b&c=d;e,f:g@h!(i)*~$", "50%"].map(name)) {
      same(await client.startNew("LongTimer", { instanceId: id, input: 0 }), id);
      same((await completed(id)).instanceId, id);
      same((await client.purgeInstanceHistory(id)).instancesDeleted, 1);
    }
    // What would end the path is for the caller to encode.
    await rejects(client.startNew("LongTimer", { instanceId: encodeURIComponent("a/b#c?d") }), "400", "instance id");
  });

  await check("an id that has ended can be started anew, and one that lives cannot", async () => {
    const id = name("again");
    await client.startNew("LongTimer", { instanceId: id, input: 0 });
    await completed(id);
    await client.startNew("LongTimer", { instanceId: id });
    await rejects(client.startNew("LongTimer", { instanceId: id }), "409", "Running");
    await client.terminate(id, "enough");
  });

  await check("what cannot be started is refused with the reason", async () => {
    await rejects(client.startNew("Nobody"), "400", "Nobody");
    await rejects(client.startNew("LongTimer", { version: "7.0" }), "400", "7.0");
    await rejects(client.startNew("E1_HelloSequence", { input: [1] }), "400", "cities");
  });

  await check("polling shows the custom statuses in their order, until it is London", async () => {
    const id = await client.startNew("E1_HelloSequence");
    // One that polls may miss one.
    const seen = [];
    await until(client, id, ({ customStatus }) => {
      if (customStatus !== null && customStatus !== seen.at(-1)) {
        seen.push(customStatus);
      }
      return customStatus === "London";
    });
    same(seen, ["Tokyo", "Seattle", "London"].filter(city => seen.includes(city)));
  });

  await check("status with and without input and history", async () => {
    const id = name("history");
    await client.startNew("E1_HelloSequence", { instanceId: id, input: ["Oslo"] });
    await completed(id);
    const options = { showHistory: true, showHistoryOutput: true, showInput: true };
    same((await client.getStatus(id, options)).input, ["Oslo"]);
    // This client looks for the history under a key that the API does not have; so what it asked for is asked for here.
    const { statusQueryGetUri } = client.createHttpManagementPayload(id);
    const ask = async query => (await fetch(`${statusQueryGetUri}&${query}`)).json();
    const { historyEvents } = await ask("showHistory=true&showHistoryOutput=true&showInput=true");
    same(historyEvents.map(event => event.EventType), ["ExecutionStarted", "TaskCompleted", "ExecutionCompleted"]);
    same([historyEvents[1].FunctionName, historyEvents[1].Result], ["E1_SayHello", "Hello Oslo!"]);
    const plain = await ask("showHistory=true&showInput=false");
    same([plain.input, plain.historyEvents[1].Result, plain.historyEvents[0].Input], [null, undefined, undefined]);
    same("historyEvents" in await ask("showHistory=false"), false);
  });

  await check("the status of what is not there is an error", () => rejects(client.getStatus(name("nobody")), "404"));

  await check("the check-status answer has addresses that work", async () => {
    const id = name("links");
    await client.startNew("LongTimer", { instanceId: id });
    const response = client.createCheckStatusResponse(REQUEST, id);
    const links = await response.json();
    same([response.status, response.headers.get("retry-after")], [202, "10"]);
    same(response.headers.get("location"), links.statusQueryGetUri);
    same(links.statusQueryGetUri.startsWith(`https://shop.example:8443/runtime/webhooks/durabletask/instances/${id}?`), true);
    const own = client.createHttpManagementPayload(id);
    same(own.terminatePostUri.startsWith(origin), true);
    same((await fetch(own.statusQueryGetUri)).status, 202);
    same((await fetch(own.terminatePostUri.replace("{text}", "by%20link"), { method: "POST" })).status, 202);
    same((await client.getStatus(id)).output, "by link");
    same((await fetch(own.restartPostUri, { method: "POST" })).status, 202);
    same((await fetch(own.purgeHistoryDeleteUri, { method: "DELETE" })).status, 200);
  });

  await check("the addresses in the answer to a start are those of the client", async () => {
    const id = name("links of a start");
    const code = key ? `?code=${key}` : "";
    const start = `${origin}/runtime/webhooks/durabletask/orchestrators/LongTimer/${encodeURIComponent(id)}${code}`;
    const links = await (await fetch(start, { method: "POST", body: "0" })).json();
    const { rewindPostUri, ...others } = client.createHttpManagementPayload(id);
    const encoded = Object.entries(others).map(([key, url]) => [key, key === "id" ? url : url.replaceAll(" ", "%20")]);
    same(links, Object.fromEntries(encoded));
  });

  await check("waiting for the end answers with the output, the failure, or the addresses", async () => {
    const wait = async (id, timeout) => {
      const waits = { timeoutInMilliseconds: timeout, retryIntervalInMilliseconds: Math.min(timeout, 20) };
      const response = await client.waitForCompletionOrCreateCheckStatusResponse(REQUEST, id, waits);
      return [response.status, await response.json()];
    };
    same(await wait(await client.startNew("E1_HelloSequence"), 60_000), [200, GREETINGS]);
    const [code, failed] = await wait(await client.startNew("AlwaysFails"), 60_000);
    same([code, failed.runtimeStatus], [500, "Failed"]);
    same(failed.output, "Orchestrator function 'AlwaysFails' failed: this orchestration always fails");
    const id = await client.startNew("LongTimer");
    const [pending, links] = await wait(id, 0);
    same([pending, links.id, "rewindPostUri" in links], [202, id, true]);
    await client.terminate(id, "enough");
    const [ended, status] = await wait(id, 60_000);
    same([ended, status.runtimeStatus, status.output], [200, "Terminated", "enough"]);
  });

  // Without a key this client does not ask for entities at the public base.
  if (key || mode === "rpc") {
    await check("there are no entities: reading finds nothing, signalling is refused", async () => {
      same((await client.readEntityState(new EntityId("Counter", "한 1"))).entityExists, false);
      await rejects(client.signalEntity(new EntityId("Counter", "k"), "add", 1), "501", "entity");
    });
  }
};
