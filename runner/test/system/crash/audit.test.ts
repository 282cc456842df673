import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, it } from "vitest";
import { audit } from "./audit.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cronium-audit-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Two runs that went well, as the databases and the ledger have them after `change`. */
function auditAfter(change: string, ledger = "a 1 started\na 1 ended\nb 1 started\nb 1 ended\n") {
  const objects = join(folder, "control-plane/objects/cronium-Dispatcher");
  const lists = join(folder, "control-plane/d1/cronium-d1");
  mkdirSync(objects, { recursive: true });
  mkdirSync(lists, { recursive: true });
  const dispatcher = new DatabaseSync(join(objects, "x.sqlite"));
  dispatcher.exec(`
    CREATE TABLE runs (id TEXT, state TEXT, rev INTEGER, message TEXT);
    CREATE TABLE attempts (run_id TEXT, attempt INTEGER, state TEXT, outcome TEXT);
    CREATE TABLE outbox (id TEXT);
    INSERT INTO runs VALUES ('a', 'succeeded', 3, NULL), ('b', 'succeeded', 3, NULL);
    INSERT INTO attempts VALUES ('a', 1, 'succeeded', 'succeeded'), ('b', 1, 'succeeded', 'succeeded');`);
  dispatcher.exec(change);
  dispatcher.close();
  const d1 = new DatabaseSync(join(lists, "y.sqlite"));
  d1.exec("CREATE TABLE runs (id TEXT, state TEXT, rev INTEGER)");
  d1.exec("INSERT INTO runs VALUES ('a', 'succeeded', 3), ('b', 'succeeded', 3)");
  d1.close();
  writeFileSync(join(folder, "ledger"), ledger);
  const acknowledged = ["a", "b"].map((id) => ({ runIds: new Set([id]), repeats: 0 }));
  return audit(folder, { acknowledged, withLedger: acknowledged, ledger: join(folder, "ledger") });
}

describe("the count of the crash suite", () => {
  it("finds nothing where nothing is wrong", ({ expect }) => {
    expect(auditAfter("")).toMatchObject({ acknowledged: 2, lost: [], doubled: [], projection: [], outbox: 0 });
  });

  it.for([
    ["a run that is gone", "DELETE FROM runs WHERE id = 'b'", undefined, { lost: 1, doubled: 0, projection: 1 }],
    [
      "a run that did not succeed",
      "UPDATE runs SET state = 'failed' WHERE id = 'b'",
      undefined,
      { lost: 1, doubled: 0, projection: 1 },
    ],
    ["a result without a job", "", "a 1 started\na 1 ended\nb 1 started\n", { lost: 1, doubled: 0, projection: 0 }],
    [
      "a run nobody triggered",
      "INSERT INTO runs VALUES ('c', 'succeeded', 1, NULL)",
      undefined,
      { lost: 0, doubled: 1, projection: 2 },
    ],
    [
      "two accepted results",
      "INSERT INTO attempts VALUES ('a', 2, 'succeeded', 'succeeded')",
      undefined,
      { lost: 0, doubled: 1, projection: 0 },
    ],
    [
      "an attempt that was started twice",
      "",
      "a 1 started\na 1 started\na 1 ended\nb 1 started\nb 1 ended\n",
      { lost: 0, doubled: 1, projection: 0 },
    ],
    [
      "a list that is behind",
      "UPDATE runs SET rev = 4 WHERE id = 'a'",
      undefined,
      { lost: 0, doubled: 0, projection: 1 },
    ],
  ] as const)("finds %s", ([, change, ledger, faults], { expect }) => {
    const found = auditAfter(change, ledger);

    expect({
      lost: found.lost.length,
      doubled: found.doubled.length,
      projection: found.projection.length,
    }).toEqual(faults);
  });
});
