/** Locks: taken, renewed and let go at the control plane. Waiting for one is asking again. */
import { setTimeout } from "node:timers/promises";
import { AppError, echo, LockHeld, LockId, LockName, RenewLockBody, TakeLockBody } from "@cronium/protocol";
import { ask, type Call, checked, demand, empty, keyOf, readFields, refusal, send } from "./call.ts";

/** Between two tries; the first is soon, because most locks are held for moments. */
const FIRST_WAIT_MS = 50;
const MOST_WAIT_MS = 1_000;

export async function takeLock(call: Call): Promise<void> {
  const { response, name, request } = call;
  checkName(name);
  const { ttlMs, waitMs } = await readFields(call, TakeLockBody);
  const key = keyOf(request);
  const until = performance.now() + waitMs;
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(MOST_WAIT_MS, wait * 2)) {
    const answered = await ask(call, { do: "lock.take", name, ttlMs }, key);
    if (answered.ok) {
      const held = LockHeld.parse(answered.result);
      if (response.destroyed) {
        // Nobody is left who would let it go.
        await ask(call, { do: "lock.free", name, lockId: held.lockId }, `${key.slice(0, 240)} gone`);
      } else {
        send(response, 200, held);
      }
      return;
    }
    const leftMs = until - performance.now();
    if (answered.error.code !== "locked" || leftMs <= 0) {
      throw refusal(call, answered.error);
    }
    await setTimeout(Math.min(leftMs, answered.error.retryAfterMs ?? wait, wait * (0.5 + Math.random())));
    if (response.destroyed) {
      return;
    }
  }
}

export async function renewLock(call: Call): Promise<void> {
  const { response, name } = call;
  checkName(name);
  const { lockId, ttlMs } = await readFields(call, RenewLockBody);
  send(response, 200, await demand(call, LockHeld, { do: "lock.renew", name, lockId, ttlMs }));
}

export async function freeLock(call: Call): Promise<void> {
  const { response, url, name } = call;
  checkName(name);
  const lockId = checked(LockId, url.searchParams.get("lockId") ?? "", "The query's lockId");
  const answered = await ask(call, { do: "lock.free", name, lockId });
  if (!answered.ok) {
    throw refusal(call, answered.error);
  }
  empty(response);
}

function checkName(name: string): void {
  const parsed = LockName.safeParse(name);
  if (!parsed.success) {
    throw new AppError("invalid_name", `The name ${echo(name)} of a lock ${parsed.error.issues[0]?.message ?? ""}.`);
  }
}
