/**
 * Makes the shipped examples into events, each once: an example that was seeded and then deleted stays away.
 *
 * An example is a folder `examples/<name>/` with `event.json`: the body of `POST /events`, whose script is the file that
 * `scriptFile` names.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../repository.ts";
import { callApi, type ApiAccess } from "./api.ts";

/** Answers the names of the examples that were added now. */
export async function seedExamples(access: ApiAccess, data: string): Promise<string[]> {
  const memory = join(data, "seeded.json");
  const known = existsSync(memory) ? (JSON.parse(readFileSync(memory, "utf8")) as string[]) : [];
  const added: string[] = [];
  for (const name of exampleNames()) {
    if (!known.includes(name)) {
      // The key makes a repetition after a crash harmless: the same event is answered.
      const headers = { "idempotency-key": `seed-${name}` };
      await callApi(access, "POST", "/events", { body: readExample(name), headers });
      added.push(name);
      writeFileSync(memory, `${JSON.stringify([...known, ...added])}\n`);
    }
  }
  return added;
}

function exampleNames(): string[] {
  const folder = join(ROOT, "examples");
  return existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => existsSync(join(folder, name, "event.json")))
        .toSorted()
    : [];
}

function readExample(name: string): unknown {
  const folder = join(ROOT, "examples", name);
  const { scriptFile, ...event } = JSON.parse(readFileSync(join(folder, "event.json"), "utf8")) as {
    scriptFile: string;
  };
  return { ...event, script: readFileSync(join(folder, scriptFile), "utf8") };
}
