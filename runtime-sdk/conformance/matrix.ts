/** The table of behaviours and languages, `docs/sdk/conformance.md`: `node matrix.ts` writes it, a test compares it. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const PAGE = join(import.meta.dirname, "../../docs/sdk/conformance.md");

const COLUMNS = { Python: "script.py", asyncio: "script.aio.py", Node: "script.ts", Bash: "script.sh" } as const;

/** Folders that hold a behaviour, in the order of their names. */
export function behaviours(): string[] {
  return readdirSync(import.meta.dirname, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(import.meta.dirname, entry.name, "expect.json")))
    .map((entry) => entry.name)
    .toSorted();
}

export function matrix(): string {
  const rows = behaviours().map((name) => {
    const folder = join(import.meta.dirname, name);
    const { cases } = JSON.parse(readFileSync(join(folder, "expect.json"), "utf8")) as { cases: unknown[] };
    const [, ...lines] = readFileSync(join(folder, "README.md"), "utf8").trim().split("\n");
    const marks = Object.values(COLUMNS).map((file) => (existsSync(join(folder, file)) ? String(cases.length) : "–"));
    return `| \`${name}\` | ${lines
      .join(" ")
      .trim()
      .replaceAll("|", String.raw`\|`)} | ${marks.join(" | ")} |`;
  });
  const names = Object.keys(COLUMNS);
  return [
    "# Conformance of the SDKs",
    "",
    "Written by `node runtime-sdk/conformance/matrix.ts`; a test fails when it is out of date. Each behaviour is a folder of " +
      "[`runtime-sdk/conformance`](../../runtime-sdk/conformance/README.md) with one script for each language, run against " +
      "the runner's real sidecar. The numbers are cases that pass in that language; – where the behaviour has no meaning there.",
    "",
    `| Behaviour | What holds | ${names.join(" | ")} |`,
    `|---|---|${names.map(() => "--:|").join("")}`,
    ...rows,
    "",
  ].join("\n");
}

export function writtenMatrix(): string {
  return readFileSync(PAGE, "utf8");
}

if (import.meta.main) {
  writeFileSync(PAGE, matrix());
}
