import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ChecksumMismatchError, loadArtifact, saveArtifact } from "@cronium/sdk";

const folder = mkdtempSync(join(tmpdir(), "artifacts-"));
const back = join(folder, "back");
await saveArtifact(Buffer.from("what was saved"), { name: "one" });
try {
  await loadArtifact("one", back);
} catch (error) {
  console.log(JSON.stringify([error instanceof ChecksumMismatchError ? error.code : String(error), existsSync(back)]));
}
rmSync(folder, { recursive: true });
