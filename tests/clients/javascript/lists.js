// Lists of more than a page, filters, and purging by them.

"use strict";

const { rejects, same, until } = require("./checks.js");

/** More than two pages of a hundred. */
const MANY = 230;

module.exports = async ({ client, checks, name }) => {
  const check = (name, run) => checks.check(name, run);
  const ids = list => list.map(status => status.instanceId);
  const ended = [];
  const alive = name("alive");
  let since;
  let afterwards;

  await check(`start ${MANY}`, async () => {
    since = new Date();
    for (let number = 0; number < MANY; number += 1) {
      ended.push(await client.startNew("LongTimer", { instanceId: name(`many ${number}`), input: 0 }));
    }
    await client.startNew("LongTimer", { instanceId: alive });
    await until(client, alive, status => status.runtimeStatus === "Running");
    for (const id of ended) {
      await until(client, id, status => status.runtimeStatus === "Completed");
    }
    afterwards = new Date();
    await client.startNew("LongTimer", { instanceId: name("later"), input: 0 });
  });

  await check("a list goes on over its pages, each instance once and in the order of creation", async () => {
    const all = ids(await client.getStatusAll());
    same(new Set(all).size, all.length);
    same(all.filter(id => id.startsWith(name("many "))), ended);
  });

  await check("a filter by time and status, over its pages", async () => {
    const between = { createdTimeFrom: since, createdTimeTo: afterwards };
    same(ids(await client.getStatusBy({ ...between, runtimeStatus: ["Completed"] })), ended);
    same(ids(await client.getStatusBy({ ...between, runtimeStatus: ["Running", "Failed"] })), [alive]);
    same(ids(await client.getStatusBy(between)), [...ended, alive]);
    same(await client.getStatusBy({ createdTimeTo: new Date(0) }), []);
  });

  await check("another task hub is an empty one", async () => {
    same(await client.getStatusBy({ taskHubName: "another" }), []);
  });

  await check("purge by a filter, and only what has ended", async () => {
    const between = { createdTimeFrom: since, createdTimeTo: afterwards };
    same((await client.purgeInstanceHistoryBy({ ...between, runtimeStatus: ["Failed"] })).instancesDeleted, 0);
    same((await client.purgeInstanceHistoryBy({ ...between, runtimeStatus: ["Completed", "Running"] })).instancesDeleted, MANY);
    same(ids(await client.getStatusBy(between)), [alive]);
    await client.terminate(alive, "enough");
    same((await client.purgeInstanceHistoryBy(between)).instancesDeleted, 1);
    same((await client.purgeInstanceHistoryBy(between)).instancesDeleted, 0);
    await rejects(client.purgeInstanceHistoryBy({}), "createdTimeFrom");
  });
};
