import asyncio
import json

import cronium
from cronium import aio


async def main():
    values = await asyncio.gather(*(aio.get_variable("A") for _ in range(30)))
    failed = await asyncio.gather(
        aio.get_variable("ABSENT"), aio.secret("ABSENT"), return_exceptions=True
    )
    codes = [error.code for error in failed if isinstance(error, cronium.CroniumError)]
    with aio.log_group("Report"):
        await aio.progress(1, "done")
    print(json.dumps([values, *codes]))


asyncio.run(main())
