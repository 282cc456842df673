import { once } from "node:events";
import { lock, LockLostError } from "@cronium/sdk";

let ran: string | null = null;
try {
  await lock(
    "k",
    async (signal) => {
      const alive = setTimeout(() => {}, 20_000);
      await once(signal, "abort");
      clearTimeout(alive);
      ran = "ran";
    },
    { ttlMs: 1_000 },
  );
} catch (error) {
  console.log(JSON.stringify([ran, error instanceof LockLostError ? error.code : String(error)]));
}
