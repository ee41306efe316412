// One line for each check, and what was wrong.

"use strict";

const { inspect, isDeepStrictEqual } = require("node:util");

exports.Checks = class Checks {
  constructor(title) {
    this.title = title;
    this.passed = 0;
    this.failed = 0;
  }

  /** Runs one check: a function that throws when an answer is wrong. */
  async check(name, run) {
    try {
      await run();
      this.passed += 1;
      console.log(`ok      ${this.title}: ${name}`);
    } catch (error) {
      this.failed += 1;
      console.log(`FAILED  ${this.title}: ${name}\n${error.message.replace(/^/gm, "        ")}`);
    }
  }

  /** Says how many there were; false when one failed. */
  summary() {
    console.log(`${this.title}: ${this.passed} passed, ${this.failed} failed`);
    return this.failed === 0;
  }
};

exports.same = function same(found, expected) {
  if (!isDeepStrictEqual(found, expected)) {
    throw new Error(`expected ${inspect(expected)}\nfound    ${inspect(found)}`);
  }
};

/** That a promise is rejected with a message that contains these words. */
exports.rejects = async function rejects(promise, ...words) {
  const message = await promise.then(
    answer => { throw new Error(`expected an error with ${inspect(words)}\nfound    ${inspect(answer)}`); },
    error => error.message,
  );
  if (!words.every(word => message.includes(word))) {
    throw new Error(`expected an error with ${inspect(words)}\nfound    ${message}`);
  }
};

/** Asks for the status until it is as it should be. Each question is a request, so this does not spin. */
exports.until = async function until(client, id, condition) {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const status = await client.getStatus(id);
    if (condition(status)) {
      return status;
    }
    if (Date.now() > deadline) {
      throw new Error(`expected a status that fulfils ${condition}\nfound    ${inspect(status)}`);
    }
  }
};
