// What is done to an instance: raise, terminate, suspend, resume, rewind.

"use strict";

const { rejects, same, until } = require("./checks.js");

const WORDS = "더 이상 필요 없음, 50% done";
/** What would end the reason is for the caller to encode: this client does not. */
const RESERVED = "a & b # c ? d + e / 한 = 100%";

module.exports = async ({ client, checks, name }) => {
  const check = (name, run) => checks.check(name, run);
  const isAt = (id, runtimeStatus) => until(client, id, status => status.runtimeStatus === runtimeStatus);
  const history = async id => {
    const { statusQueryGetUri } = client.createHttpManagementPayload(id);
    return (await (await fetch(`${statusQueryGetUri}&showHistory=true`)).json()).historyEvents;
  };

  await check("an event with a value, by a name in another letter case", async () => {
    const id = await client.startNew("ReserveTicket", { input: "user-1" });
    const offer = await until(client, id, status => status.customStatus !== null);
    same([offer.runtimeStatus, offer.customStatus.discount], ["Running", 10]);
    await client.raiseEvent(id, "bookingConfirmed", true);
    const status = await isAt(id, "Completed");
    same([status.output, status.customStatus], [true, { message: "Thank you for confirming your booking." }]);
  });

  await check("an event with an object, raised before anyone waits for it", async () => {
    const id = name("approval");
    await client.startNew("WaitForApproval", { instanceId: id });
    await client.raiseEvent(id, "Approval", { by: "김 \"철수\"", days: [1, null] });
    same((await isAt(id, "Completed")).output, { by: "김 \"철수\"", days: [1, null] });
  });

  await check("an event without a value, and one whose name has blanks and Hangul", async () => {
    const id = await client.startNew("StayInLondon");
    await until(client, id, status => status.customStatus === "London");
    await client.raiseEvent(id, "부름 한 번", 1);
    await client.raiseEvent(id, "Leave");
    same((await isAt(id, "Completed")).customStatus, "London");
  });

  await check("an event for what has ended is dropped, and for nobody an error", async () => {
    const id = await client.startNew("LongTimer", { input: 0 });
    await isAt(id, "Completed");
    await client.raiseEvent(id, "late", 1);
    await rejects(client.raiseEvent(name("nobody"), "any", 1), "No instance with ID");
  });

  await check("terminate keeps the reason and the custom status", async () => {
    for (const [given, shown] of [[WORDS, WORDS], [encodeURIComponent(RESERVED), RESERVED], ["true", true]]) {
      const id = await client.startNew("StayInLondon");
      await until(client, id, status => status.customStatus === "London");
      await client.terminate(id, given);
      const status = await client.getStatus(id);
      same([status.runtimeStatus, status.output, status.customStatus], ["Terminated", shown, "London"]);
      await client.terminate(id, "again");
      same((await client.getStatus(id)).output, shown);
    }
    const id = await client.startNew("LongTimer");
    await client.terminate(id);
    same((await client.getStatus(id)).output, "undefined");
    await rejects(client.terminate(name("nobody"), "any"), "No instance with ID");
  });

  await check("suspend keeps events until resume", async () => {
    const id = await client.startNew("WaitForApproval");
    await isAt(id, "Running");
    await client.suspend(id, WORDS);
    same((await client.getStatus(id)).runtimeStatus, "Suspended");
    await client.raiseEvent(id, "Approval", "go on");
    // To say it twice is no mistake.
    await client.suspend(id, WORDS);
    same((await client.getStatus(id)).runtimeStatus, "Suspended");
    await client.resume(id, encodeURIComponent(RESERVED));
    same((await isAt(id, "Completed")).output, "go on");
    const reasons = (await history(id)).filter(event => /Suspended|Resumed/.test(event.EventType));
    same(reasons.map(event => [event.EventType, event.Reason]), [["ExecutionSuspended", WORDS], ["ExecutionResumed", RESERVED]]);
    await client.resume(id, "has ended");
    await rejects(client.suspend(name("nobody"), "any"), "No instance with ID");
    await rejects(client.resume(name("nobody"), "any"), "No instance with ID");
  });

  await check("rewind lets what failed go on, and nothing else", async () => {
    const id = name("rewind");
    await client.startNew("FailsUntilRewound", { instanceId: id });
    await isAt(id, "Failed");
    await client.rewind(id, WORDS);
    same((await isAt(id, "Completed")).output, "the other side is back");
    await rejects(client.rewind(id, "again"), "it is Completed");
    await rejects(client.rewind(name("nobody"), "any"), "nobody");
  });

  await check("purge one, that has ended", async () => {
    const id = name("purge");
    await client.startNew("LongTimer", { instanceId: id });
    await rejects(client.purgeInstanceHistory(id), "412");
    await client.terminate(id, "to be purged");
    same((await client.purgeInstanceHistory(id)).instancesDeleted, 1);
    same((await client.purgeInstanceHistory(id)).instancesDeleted, 0);
    await rejects(client.getStatus(id), "404");
  });
};
