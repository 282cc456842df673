import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "vitest";
import { createCredential, readCredential, signConnect, writeCredential } from "./credential.ts";
import { openDataDir } from "./data-dir.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cronium-data-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("the data folder", () => {
  test("is made for its owner alone, and freed again", ({ expect }) => {
    const path = join(folder, "a", "b");

    const first = openDataDir(path);
    first.release();
    const second = openDataDir(path);

    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(statSync(second.spool).isDirectory() && statSync(second.sockets).isDirectory()).toBe(true);
    second.release();
  });

  test("is taken over from a process that is gone, or whose number another program has by now", ({ expect }) => {
    const locks = [
      { pid: 2 ** 22 - 1, startedAt: "1" },
      { pid: 1, startedAt: "some other start" },
    ];
    for (const lock of locks) {
      writeFileSync(join(folder, "runner.lock"), JSON.stringify(lock));
      const dir = openDataDir(folder);
      expect(dir.path).toBe(folder);
      dir.release();
    }
    writeFileSync(join(folder, "runner.lock"), "half a li");
    openDataDir(folder).release();
  });

  test("that cannot be made is refused with its path", ({ expect }) => {
    writeFileSync(join(folder, "file"), "");

    expect(() => openDataDir(join(folder, "file", "x"))).toThrow(join(folder, "file", "x"));
  });
});

describe("T8 the credential", () => {
  test("is readable by its owner alone, and the same after a restart", ({ expect }) => {
    const made = createCredential(folder);

    expect(statSync(join(folder, "credential.json")).mode & 0o777).toBe(0o600);
    expect(readCredential(folder)).toEqual(made);
    expect(made.publicKey).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });

  test("signs each nonce differently", ({ expect }) => {
    const made = createCredential(folder);

    const signatures = ["a", "b"].map((nonce) => signConnect(made, nonce, "rnr_1", "e"));

    expect(signatures[0]).not.toBe(signatures[1]);
    expect(signConnect(made, "a", "rnr_1", "e")).toBe(signatures[0]);
  });

  test("keeps its registration", ({ expect }) => {
    const made = createCredential(folder);
    const registration = {
      runnerId: "rnr_01jd2c5x0000000000000000ab",
      workspaceId: "ws_1",
      name: "box",
      url: "https://plane.example",
    };

    writeCredential(folder, { ...made, registration });

    expect(readCredential(folder)?.registration).toEqual(registration);
  });

  test("that is broken is never replaced in silence", ({ expect }) => {
    expect(readCredential(folder)).toBeNull();
    writeFileSync(join(folder, "credential.json"), '{"privateKey":"');

    expect(() => readCredential(folder)).toThrow("credential.json cannot be read");
  });
});
