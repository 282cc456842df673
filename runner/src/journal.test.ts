import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "vitest";
import { EventDefinitionInput, type Job, type JobResult } from "@cronium/protocol";
import { silentLog } from "./base/log.ts";
import { Journal } from "./journal.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cronium-journal-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const ref = { runId: "run_1", attempt: 1 };
const result: JobResult = {
  outcome: "succeeded",
  failReason: null,
  message: null,
  exitCode: 0,
  signal: null,
  output: { a: [1] },
  durationMs: 5,
};

const job: Job = {
  ...ref,
  eventId: null,
  eventName: "test event",
  eventVersion: null,
  workspaceId: "ws_1",
  trigger: "api",
  queuedAt: 1,
  definition: EventDefinitionInput.parse({ runtime: "bash", script: "true" }),
  input: { a: [1] },
};

function reopen(journal: Journal): Journal {
  journal.close();
  return new Journal(folder, silentLog());
}

async function acceptedJournal(): Promise<Journal> {
  const journal = new Journal(folder, silentLog());
  await journal.write({ type: "accepted", ...ref, slot: "s1", onLost: "retry" });
  return journal;
}

describe("the journal", () => {
  test("remembers how far an attempt got", async ({ expect }) => {
    const journal = await acceptedJournal();
    journal.note({ type: "granted", ...ref, logToken: "t" });
    await Promise.all([
      journal.write({ type: "started", ...ref }),
      journal.write({ type: "output", ...ref, value: 1 }),
      journal.write({ type: "output", ...ref, value: { deep: [true] } }),
    ]);

    const after = reopen(journal);

    expect(after.entries()).toEqual([
      {
        ...ref,
        slot: "s1",
        onLost: "retry",
        job: null,
        logToken: "t",
        secrets: null,
        variables: {},
        bound: null,
        handedOut: false,
        started: true,
        startedAt: null,
        stopping: null,
        output: { deep: [true] },
        result: null,
        resultAcked: false,
        done: null,
      },
    ]);
    after.close();
  });

  test("F1 keeps what is needed to go on with a job, over compactions", async ({ expect }) => {
    const first = new Journal(folder, silentLog());
    await first.write({ type: "accepted", ...ref, slot: "s1", onLost: "retry", job });
    first.note({ type: "granted", ...ref, logToken: "t", secrets: "sealed", variables: { REGION: "eu" } });
    first.note({ type: "bound", ...ref, token: "jwt", at: 100.5 });
    first.note({ type: "handed_out", ...ref });
    await first.write({ type: "started", ...ref, at: 101.25 });
    first.note({ type: "stopping", ...ref, reason: "timed_out", graceMs: 10_000 });
    first.note({ type: "renewed", at: 99, leaseMs: 300_000 });

    const third = reopen(reopen(first));

    expect(third.get(ref)).toMatchObject({
      secrets: "sealed",
      variables: { REGION: "eu" },
      job,
      logToken: "t",
      bound: { token: "jwt", at: 100.5 },
      handedOut: true,
      startedAt: 101.25,
      stopping: { reason: "timed_out", graceMs: 10_000 },
    });
    expect(third.lastRenewal).toEqual({ at: 99, leaseMs: 300_000 });
    third.close();
  });

  test("keeps an attempt whose job it cannot read, to report it", async ({ expect }) => {
    const journal = new Journal(folder, silentLog());
    const line = JSON.stringify({ type: "accepted", ...ref, slot: "s1", onLost: "retry", job: { ...job, newer: 1 } });
    appendFileSync(join(folder, "journal.log"), `${crc(line)} ${line}\n`);

    const after = reopen(journal);

    expect(after.get(ref)).toMatchObject({ slot: "s1", job: null });
    after.close();
  });

  test("I8 keeps a result until everything of it is acknowledged, over several processes", async ({ expect }) => {
    const first = await acceptedJournal();
    await first.write({ type: "exited", ...ref, result });
    const second = reopen(first);
    expect(second.get(ref)).toMatchObject({ result, resultAcked: false, done: null });
    second.note({ type: "exited_acked", ...ref });
    await second.write({ type: "done", ...ref, report: { logBytes: 3, logState: "complete" } });
    const third = reopen(second);
    expect(third.get(ref)).toMatchObject({ resultAcked: true, done: { logBytes: 3, logState: "complete" } });
    third.note({ type: "dropped", ...ref });

    const fourth = reopen(third);

    expect(fourth.entries()).toEqual([]);
    fourth.close();
  });

  test("F39 drops a line that was torn by a power cut, and goes on", async ({ expect }) => {
    const journal = await acceptedJournal();
    await journal.write({ type: "exited", ...ref, result });
    const path = join(folder, "journal.log");
    truncateSync(path, readFileSync(path).length - 7);

    const after = reopen(journal);
    expect(after.get(ref)).toMatchObject({ result: null });
    await after.write({ type: "exited", ...ref, result });
    const last = reopen(after);

    expect(last.get(ref)?.result).toEqual(result);
    last.close();
  });

  test("F39 stops at a line whose bytes changed on disk", async ({ expect }) => {
    const journal = await acceptedJournal();
    await journal.write({ type: "started", ...ref });
    const path = join(folder, "journal.log");
    writeFileSync(path, readFileSync(path, "utf8").replace('"started"', '"starteb"'));

    const after = reopen(journal);

    expect(after.get(ref)?.started).toBe(false);
    after.close();
  });

  test("F39 cut at any byte, or with any byte changed, keeps exactly the whole records before it and goes on", async ({
    expect,
  }) => {
    const journal = await acceptedJournal();
    await journal.write({ type: "started", ...ref });
    await journal.write({ type: "exited", ...ref, result });
    journal.close();
    const path = join(folder, "journal.log");
    const whole = readFileSync(path);
    const ends = [...whole.entries()].filter(([, byte]) => byte === 0x0a).map(([at]) => at + 1);
    const seen = async (bytes: Uint8Array): Promise<number> => {
      writeFileSync(path, bytes);
      const after = new Journal(folder, silentLog());
      const entry = after.get(ref);
      await after.write({ type: "accepted", runId: "run_2", attempt: 1, slot: "s", onLost: "retry", job });
      expect(after.entries().some(({ runId }) => runId === "run_2")).toBe(true);
      after.close();
      return entry === undefined ? 0 : 1 + Number(entry.started) + Number(entry.result !== null);
    };
    expect(await seen(whole)).toBe(3);
    const records = ends.length - 3;
    for (let at = 0; at < whole.length; at += 3) {
      const before = Math.max(0, ends.filter((end) => end <= at).length - records);
      expect(await seen(whole.subarray(0, at)), `cut at ${at}`).toBe(before);
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] ?? 0) ^ 0x11;
      expect(await seen(changed), `changed at ${at}`).toBe(before);
    }
  });

  test("holds an output as deep as a script may send it", async ({ expect }) => {
    const journal = await acceptedJournal();
    let value: NonNullable<JobResult["output"]> = 1;
    for (let depth = 0; depth < 64; depth += 1) {
      value = [value];
    }
    await journal.write({ type: "output", ...ref, value });

    const after = reopen(journal);

    expect(after.get(ref)?.output).toEqual(value);
    after.close();
  });

  test("does not grow for ever", async ({ expect }) => {
    const journal = await acceptedJournal();
    const large = "x".repeat(1_000_000);
    for (let i = 0; i < 12; i += 1) {
      await journal.write({ type: "output", ...ref, value: large });
    }

    expect(readFileSync(join(folder, "journal.log")).length).toBeLessThan(6_500_000);
    expect(journal.get(ref)?.output).toBe(large);
    journal.close();
  });

  test("passes over a whole record of a newer version", async ({ expect }) => {
    const journal = await acceptedJournal();
    // CRC-32 of the text behind it.
    appendFileSync(join(folder, "journal.log"), `${crc('{"type":"newer"}')} {"type":"newer"}\n`);
    await journal.write({ type: "started", ...ref });

    const after = reopen(journal);

    expect(after.get(ref)?.started).toBe(true);
    after.close();
  });
});

function crc(text: string): string {
  let value = 0xffffffff;
  for (const byte of Buffer.from(text)) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit += 1) {
      value = (value >>> 1) ^ (value & 1 ? 0xedb88320 : 0);
    }
  }
  return ((value ^ 0xffffffff) >>> 0).toString(16).padStart(8, "0");
}
