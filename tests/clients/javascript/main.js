// Drives the official client against a server of the examples: node main.js ORIGIN TITLE [KEY]

"use strict";

const { client } = require("./binding.js");
const { Checks, rejects } = require("./checks.js");
const instances = require("./instances.js");
const lists = require("./lists.js");
const operations = require("./operations.js");

const [origin, title, key] = process.argv.slice(2);

async function main() {
  let good = true;
  for (const mode of ["rpc", "webhook"]) {
    const checks = new Checks(`javascript, ${mode}, ${title}`);
    // What one mode has started is none of the other's.
    const setting = { client: client(origin, mode, key), checks, origin, key, mode, name: id => `js-${mode}-${id}` };
    await instances(setting);
    await operations(setting);
    await lists(setting);
    if (key && mode === "webhook") {
      await withoutKey(checks);
    }
    good = checks.summary() && good;
  }
  process.exitCode = good ? 0 : 1;
}

async function withoutKey(checks) {
  for (const [name, wrong] of [["no key", undefined], ["another key", "fedcba9876543210"]]) {
    await checks.check(`who has ${name} is refused`, async () => {
      const stranger = client(origin, "webhook", wrong);
      await rejects(stranger.startNew("LongTimer"), "401");
      await rejects(stranger.getStatusAll(), "401");
      await rejects(stranger.terminate("nobody", "because"), "401");
    });
  }
}

main();
