import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ArtifactTooLargeError, listArtifacts, saveArtifact } from "@cronium/sdk";

const folder = mkdtempSync(join(tmpdir(), "artifacts-"));
writeFileSync(join(folder, "large"), "");
truncateSync(join(folder, "large"), 268_435_457);
try {
  await saveArtifact(join(folder, "large"));
} catch (error) {
  const code = error instanceof ArtifactTooLargeError ? error.code : String(error);
  console.log(JSON.stringify([code, (await listArtifacts()).length]));
}
rmSync(folder, { recursive: true });
