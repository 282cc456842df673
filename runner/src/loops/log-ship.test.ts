import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "vitest";
import { FakePlane, logToken } from "../../test/fake-plane.ts";
import { until } from "../../test/until.ts";
import { systemClock } from "../base/clock.ts";
import { silentLog } from "../base/log.ts";
import { LogShip } from "./log-ship.ts";

const ref = { runId: "run_01jd2c5x0000000000000000ab", attempt: 1 };
let plane: FakePlane;
let folder: string;
let reachable: boolean;

beforeEach(async () => {
  plane = await FakePlane.start();
  folder = mkdtempSync(join(tmpdir(), "cronium-ship-"));
  reachable = true;
});
afterEach(async ({ expect }) => {
  await plane.stop();
  rmSync(folder, { recursive: true, force: true });
  expect(plane.problems).toEqual([]);
});

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

function makeShip(
  options: { readonly capBytes?: number; readonly spoolBytes?: number; readonly protocol?: () => number } = {},
): LogShip {
  return new LogShip({
    ref,
    url: `${plane.url}/api/v1/runner/logs/${ref.runId}?attempt=1`,
    folder: join(folder, "spool"),
    clock: systemClock,
    log: silentLog(),
    // Reconnects at once, so that no test waits for luck.
    random: () => 0,
    planeReachable: () => reachable,
    transport: () => "websocket",
    ...options,
  });
}

const text = (value: string): Uint8Array => Buffer.from(value);

describe("shipping a log", () => {
  test("delivers what was printed before the socket was there, and deletes the spool", async ({ expect }) => {
    const ship = makeShip();
    ship.bytes("stdout", text("early "));
    ship.connect(logToken(ref));
    ship.bytes("stdout", text("late"));

    const report = await ship.end(10_000);

    expect(report).toEqual({ logBytes: 10, logState: "complete" });
    expect(plane.logText(ref)).toBe("early late");
    expect(plane.log(ref).end).toMatchObject({
      totalBytes: 10,
      gaps: 0,
      truncated: false,
      sha256: sha256("early late"),
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  test("takes nothing more once its end is told, and says so nowhere but in the runner's own log", async ({
    expect,
  }) => {
    const ship = makeShip();
    ship.connect(logToken(ref));
    ship.bytes("stdout", text("all of it"));
    const ended = ship.end(10_000);
    ship.lost(1);
    ship.bytes("stdout", text("late"));
    ship.notice("late");

    expect(await ended).toEqual({ logBytes: 9, logState: "complete" });
    ship.lost(1);
    expect(plane.log(ref).end).toMatchObject({ totalBytes: 9, gaps: 0, sha256: sha256("all of it") });
  });

  test("F3 goes on from the last durable byte after each break, without a gap or a repeat", async ({ expect }) => {
    const ship = makeShip();
    ship.connect(logToken(ref));
    let sent = "";
    for (let round = 0; round < 10; round += 1) {
      for (let line = 0; line < 50; line += 1) {
        const chunk = `round ${round} line ${line} ${"x".repeat(3_000)}\n`;
        sent += chunk;
        ship.bytes(line % 2 === 0 ? "stdout" : "stderr", text(chunk));
      }
      plane.cut();
      const arrived = plane.logBytes(ref).length;
      await until("the log goes on", () => plane.logBytes(ref).length > arrived);
    }

    expect(await ship.end(20_000)).toEqual({ logBytes: sent.length, logState: "complete" });
    expect(plane.logText(ref)).toBe(sent);
  });

  test("F39 is taken up by the next process from the spool", async ({ expect }) => {
    const first = makeShip();
    first.bytes("stdout", text("from the first process"));
    const second = makeShip();
    second.connect(logToken(ref));

    expect(await second.end(10_000)).toEqual({ logBytes: 22, logState: "complete" });
    expect(plane.logText(ref)).toBe("from the first process");
    expect(plane.log(ref).end).toMatchObject({ sha256: sha256("from the first process") });
    first.remove();
  });

  test("F39 the next process says no SHA-256 where the beginning of the log has left this machine", async ({
    expect,
  }) => {
    const first = makeShip();
    first.connect(logToken(ref));
    // More than one segment of the spool, so that the first one goes.
    const piece = Buffer.alloc(500_000, 97);
    for (let sent = 0; sent < 12; sent += 1) {
      first.bytes("stdout", piece);
      await until("it has arrived", () => plane.logBytes(ref).length === (sent + 1) * piece.length);
    }
    first.close();
    const second = makeShip();
    second.connect(logToken(ref));
    second.bytes("stdout", text("the end"));

    expect(await second.end(10_000)).toEqual({ logBytes: 6_000_007, logState: "complete" });
    expect(plane.log(ref).end).not.toHaveProperty("sha256");
  });

  test("B35 reports an incomplete log where the room keeps other bytes than it was sent", async ({ expect }) => {
    const ship = makeShip();
    ship.connect(logToken(ref));
    ship.bytes("stdout", text("right"));
    await until("it has arrived", () => plane.logBytes(ref).length === 5);
    plane.log(ref).frames[0]?.bytes.write("wrong");

    expect(await ship.end(10_000)).toEqual({ logBytes: 5, logState: "incomplete" });
  });

  test("says no SHA-256 to a control plane of the version before", async ({ expect }) => {
    const ship = makeShip({ protocol: () => 1 });
    ship.connect(logToken(ref));
    ship.bytes("stdout", text("x"));

    expect(await ship.end(10_000)).toEqual({ logBytes: 1, logState: "complete" });
    expect(plane.log(ref).end).not.toHaveProperty("sha256");
  });

  test("F25 past its cap is truncated, and says how much is missing", async ({ expect }) => {
    const ship = makeShip({ capBytes: 100_000 });
    ship.connect(logToken(ref));
    for (let i = 0; i < 20; i += 1) {
      ship.bytes("stdout", Buffer.alloc(10_000, 97));
    }

    expect(await ship.end(10_000)).toEqual({ logBytes: 100_000, logState: "truncated" });
    expect(plane.log(ref).gaps).toEqual([{ bytes: 100_000, reason: "log_quota" }]);
    expect(plane.log(ref).end).toMatchObject({ totalBytes: 100_000, truncated: true });
  });

  test("T5: tells once that more came than its limit allows, also when it is asked afterwards", async ({ expect }) => {
    const ship = makeShip();
    let told = 0;
    ship.limit(10);
    ship.bytes("stdout", text("0123456789"));
    ship.limit(10, () => (told += 1));
    expect(told).toBe(0);
    ship.bytes("stdout", text("a"));
    ship.bytes("stderr", text("b"));
    expect(told).toBe(1);
    ship.limit(10, () => (told += 1));
    expect(told).toBe(2);
    ship.connect(logToken(ref));

    expect(await ship.end(10_000)).toEqual({ logBytes: 10, logState: "truncated" });
    expect(plane.log(ref).gaps).toEqual([{ bytes: 2, reason: "log_quota" }]);
  });

  test("F22 past the spool's cap declares what it dropped, in its place", async ({ expect }) => {
    const ship = makeShip({ spoolBytes: 40_000 });
    for (const letter of ["a", "b", "c", "d", "e"]) {
      ship.bytes("stdout", text(letter.repeat(10_000)));
      // Each piece becomes a frame of its own.
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    ship.connect(logToken(ref));
    await until("the spool has room", () => plane.logBytes(ref).length === 30_000);
    ship.bytes("stdout", text("f"));

    expect(await ship.end(10_000)).toEqual({ logBytes: 30_001, logState: "incomplete" });
    expect(plane.logText(ref)).toBe(`${"a".repeat(10_000)}${"b".repeat(10_000)}${"c".repeat(10_000)}f`);
    expect(plane.log(ref).gaps).toEqual([{ bytes: 20_000, reason: "spool_full" }]);
  });

  test("I21: hides secrets before anything is on disk, also one that is cut by two writes", async ({ expect }) => {
    const ship = makeShip();
    ship.conceal({ TOKEN: "hunter2-hunter2", PIN: "12" }, ["the.run.token"]);
    ship.bytes("stdout", text("a hunter2-"));
    ship.bytes("stderr", text("12 the.run.token "));
    ship.bytes("stdout", text(`hunter2 b ${Buffer.from("hunter2-hunter2").toString("base64")}\n`));
    const spooled = readdirSync(join(folder, "spool")).map((name) =>
      readFileSync(join(folder, "spool", name), "latin1"),
    );
    expect(spooled.join("")).not.toMatch(/hunter|aHVud/);
    ship.connect(logToken(ref));

    expect(await ship.end(10_000)).toMatchObject({ logState: "complete" });
    expect(plane.logText(ref)).toBe(
      "not_maskable: too short to be hidden in this log (fewer than 4 characters): PIN\na 12 *** *** b ***\n",
    );
  });

  test("F1 I21: the next process goes on in the middle of a secret, to the byte, and warns no second time", async ({
    expect,
  }) => {
    const output = `${"x".repeat(70_000)} hunter2 and again hunter2\n`;
    const at = output.indexOf("hunter2") + 3;
    const first = makeShip();
    first.conceal({ TOKEN: "hunter2", PIN: "12" });
    first.bytes("stdout", text(output.slice(0, at)));
    const spooled = (): string =>
      readdirSync(join(folder, "spool"))
        .map((name) => readFileSync(join(folder, "spool", name), "latin1"))
        .join("");
    await until("the rest of it is on disk", () => spooled().includes("x "));
    first.close();
    const second = makeShip();
    second.conceal({ TOKEN: "hunter2", PIN: "12" });

    expect(second.taken).toEqual({ stdout: at - 3, stderr: 0 });
    second.bytes("stdout", text(output.slice(second.taken.stdout, -5)));
    second.close();
    const third = makeShip();
    third.conceal({ TOKEN: "hunter2", PIN: "12" });
    expect(output.length - third.taken.stdout).toBeGreaterThanOrEqual(5);
    third.bytes("stdout", text(output.slice(third.taken.stdout)));
    third.connect(logToken(ref));

    expect(await third.end(10_000)).toMatchObject({ logState: "complete" });
    const log = plane.logText(ref);
    expect(log.slice(log.indexOf("\n") + 1)).toBe(`${"x".repeat(70_000)} *** and again ***\n`);
    expect(log.match(/not_maskable/g)).toHaveLength(1);
  });

  test("gives up only after time in which the plane was there", async ({ expect }) => {
    plane.levers.connectable = false;
    reachable = false;
    const ship = makeShip();
    ship.connect(logToken(ref));
    ship.bytes("stdout", text("kept"));

    const begin = performance.now();
    const ended = ship.end(1_000);
    await until("longer than the drain time has passed", () => performance.now() > begin + 2_500);
    reachable = true;
    plane.levers.connectable = true;
    const report = await ended;

    expect(report).toEqual({ logBytes: 4, logState: "complete" });
  });

  test("reports an incomplete log when the room cannot be reached", async ({ expect }) => {
    plane.levers.connectable = false;
    const ship = makeShip();
    ship.connect(logToken(ref));
    ship.bytes("stdout", text("stays"));

    expect(await ship.end(1_000)).toEqual({ logBytes: 5, logState: "incomplete" });
    expect(readdirSync(join(folder, "spool"))).toHaveLength(1);
  });
});
