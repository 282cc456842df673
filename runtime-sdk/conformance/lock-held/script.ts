import { setTimeout } from "node:timers/promises";
import { lock, LockedError } from "@cronium/sdk";

async function attempt(): Promise<unknown> {
  const options = { waitMs: 0 };
  return lock("ledger/2026", () => "free", options).catch((error: unknown) =>
    error instanceof LockedError ? error.code : error,
  );
}

const held = await lock(
  "ledger/2026",
  async () => {
    const first = await attempt();
    await setTimeout(1_500);
    return [first, await attempt()];
  },
  { ttlMs: 1_000 },
);
console.log(JSON.stringify([...held, await attempt()]));
