import { randomBytes } from "node:crypto";
import { createReadStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { CroniumError, listArtifacts, loadArtifact, readArtifact, saveArtifact } from "@cronium/sdk";

async function code(call: Promise<unknown>): Promise<unknown> {
  return call.catch((error: unknown) => (error instanceof CroniumError ? error.code : error));
}

const folder = mkdtempSync(join(tmpdir(), "artifacts-"));
const content = randomBytes(700_000);
const [one, empty, back] = [join(folder, "one"), join(folder, "empty"), join(folder, "back")];
writeFileSync(one, content);
writeFileSync(empty, "");
const options = { name: "data/r é.bin", contentType: "application/x-test" };
await saveArtifact(one, options);
await saveArtifact(createReadStream(one), options);
await saveArtifact(content, options);
await saveArtifact(empty);
const kept: unknown[] = [];
for (const { name, bytes } of (await listArtifacts()).toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
  await loadArtifact(name, back);
  const expected = bytes === 0 ? Buffer.alloc(0) : content;
  const same = readFileSync(back).equals(expected) && (await buffer(await readArtifact(name))).equals(expected);
  kept.push([name, bytes, same ? "same" : "different"]);
}
const codes = [
  await code(saveArtifact(empty, { name: "data/r é.bin" })),
  await code(saveArtifact(empty, { name: "../up" })),
  await code(loadArtifact("absent", back)),
];
rmSync(folder, { recursive: true });
console.log(JSON.stringify([kept, ...codes]));
