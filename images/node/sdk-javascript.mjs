// Turns the TypeScript of the SDK into JavaScript in place: sdk-javascript.mjs <folder of the package>.
// Types are blanked out, not compiled, so line and column in a stack trace are those of the source.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";

const folder = process.argv[2];
mkdirSync(join(folder, "dist"), { recursive: true });
for (const name of readdirSync(join(folder, "src"))) {
  const script = stripTypeScriptTypes(readFileSync(join(folder, "src", name), "utf8"));
  const linked = script.replaceAll(/(\bfrom "\.\/[a-z-]+)\.ts"/g, '$1.js"');
  writeFileSync(join(folder, "dist", name.replace(/\.ts$/, ".js")), linked);
}
rmSync(join(folder, "src"), { recursive: true });
