import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, test } from "vitest";
import { sealingKey } from "./sealing-key.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) {
    rmSync(folder, { recursive: true });
  }
});

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "cronium-sealing-"));
  folders.push(made);
  return made;
}

test("the key is made once, for its owner alone", ({ expect }) => {
  const data = folder();
  const made = sealingKey(data);
  expect(made.publicKey).toMatch(/^[A-Za-z0-9_-]{87}$/);
  expect(sealingKey(data)).toEqual(made);
  expect((statSync(join(data, "sealing.key")).mode & 0o777).toString(8)).toBe("600");
});

test("a file that is no such key is replaced", ({ expect }) => {
  const data = folder();
  writeFileSync(join(data, "sealing.key"), "torn");
  expect(sealingKey(data).publicKey).toMatch(/^[A-Za-z0-9_-]{87}$/);
});
