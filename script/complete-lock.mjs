/**
 * Completes package-lock.json with the optional packages of all platforms: `node script/complete-lock.mjs`.
 * Run it after every change of a dependency; `npm run check` fails while something is missing.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { missingPlatformPackages } from "./lock-platforms.mjs";

const file = fileURLToPath(new URL("../package-lock.json", import.meta.url));
const lock = JSON.parse(readFileSync(file, "utf8"));
let added = 0;
for (const { path, name, version, parent, entry } of missingPlatformPackages(lock)) {
  if (entry === undefined) {
    console.log(`skipped ${name} ${version} of ${parent}: its name spells no platform`);
    continue;
  }
  lock.packages[path] = entry;
  added += 1;
}
if (added > 0) {
  const sorted = Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, "en"));
  lock.packages = Object.fromEntries(sorted);
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
}
console.log(`package-lock.json: ${added} platform package${added === 1 ? "" : "s"} added`);
