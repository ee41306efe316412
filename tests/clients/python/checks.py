"""One line for each check, and what was wrong."""

import textwrap
import time
from contextlib import asynccontextmanager


class Checks:
    def __init__(self, title):
        self.title = title
        self.passed = 0
        self.failed = 0

    @asynccontextmanager
    async def check(self, name):
        """Runs one check, which raises when an answer is wrong."""
        try:
            yield
        except Exception as error:
            self.failed += 1
            wrong = textwrap.indent(str(error) or repr(error), " " * 8)
            print(f"FAILED  {self.title}: {name}\n{wrong}", flush=True)
        else:
            self.passed += 1
            print(f"ok      {self.title}: {name}", flush=True)

    def summary(self):
        """Says how many there were; false when one failed."""
        print(f"{self.title}: {self.passed} passed, {self.failed} failed", flush=True)
        return self.failed == 0


def same(found, expected):
    if found != expected:
        raise AssertionError(f"expected {expected!r}\nfound    {found!r}")


async def refused(asked, *words):
    """That an error is raised whose message has these words in it."""
    try:
        answer = await asked
    except Exception as error:
        message = str(error)
        if all(word in message for word in words):
            return
        raise AssertionError(f"expected an error with {words!r}\nfound    {message}") from error
    raise AssertionError(f"expected an error with {words!r}\nfound    {answer!r}")


async def until(client, id, condition, **options):
    """Asks for the status until it is as it should be. Each question is a request, so this does not spin."""
    deadline = time.monotonic() + 60
    while True:
        status = await client.get_status(id, **options)
        if condition(status):
            return status
        if time.monotonic() > deadline:
            raise AssertionError(f"expected another status\nfound    {status.to_json()!r}")
