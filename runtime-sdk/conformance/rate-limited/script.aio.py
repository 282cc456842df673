import asyncio

from cronium import aio


async def main():
    await aio.set_variable("A", 7)
    print(await aio.get_variable("A"))


asyncio.run(main())
