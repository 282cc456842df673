import asyncio
import json

from cronium import aio


async def main():
    await aio.set_variable("TEXT", "first")
    version = await aio.set_variable("TEXT", 'a "b"\n\tü')
    await aio.set_variable("DATA", {"deep": [1, None]})
    await aio.delete_variable("OLD")
    await aio.delete_variable("OLD")
    text, data, old = await asyncio.gather(
        aio.get_variable("TEXT"), aio.get_variable("DATA"), aio.get_variable("OLD", "gone")
    )
    print(json.dumps([text, json.dumps(data, separators=(",", ":")), version, old]))


asyncio.run(main())
