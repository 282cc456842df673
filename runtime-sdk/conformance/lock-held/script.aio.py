import asyncio
import json

import cronium
from cronium import aio


async def attempt():
    try:
        async with aio.lock("ledger/2026", wait_s=0):
            return "free"
    except cronium.LockedError as error:
        return error.code


async def main():
    async with aio.lock("ledger/2026", ttl_s=1):
        first = await attempt()
        await asyncio.sleep(1.5)
        second = await attempt()
    print(json.dumps([first, second, await attempt()]))


asyncio.run(main())
