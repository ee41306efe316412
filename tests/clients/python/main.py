"""Drives the official client against a server of the examples: python main.py ORIGIN TITLE"""

import asyncio
import sys

from azure.durable_functions.models.utils import http_utils

import instances
import lists
import operations
from binding import client
from checks import Checks


async def main(origin, title):
    checks = Checks(f"python, {title}")
    durable = client(origin)
    await instances.run(durable, checks, origin)
    await operations.run(durable, checks)
    await lists.run(durable, checks)
    # The client leaves that to the end of its host, and Python complains.
    await http_utils._close_session()
    return checks.summary()


sys.exit(not asyncio.run(main(*sys.argv[1:])))
