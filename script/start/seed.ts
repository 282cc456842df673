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

/** Answers the names of the events that were added now. */
export async function seedExamples(access: ApiAccess, data: string): Promise<string[]> {
  const memory = join(data, "seeded.json");
  const known = existsSync(memory) ? (JSON.parse(readFileSync(memory, "utf8")) as string[]) : [];
  const added: string[] = [];
  for (const example of exampleNames().filter((name) => !known.includes(name))) {
    const event = readExample(example);
    // The key makes a repetition after a crash harmless: the same event is answered.
    const headers = { "idempotency-key": `seed-${example}` };
    await callApi(access, "POST", "/events", { body: event, headers });
    known.push(example);
    writeFileSync(memory, `${JSON.stringify(known)}\n`);
    added.push(event.name);
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

function readExample(example: string): { readonly name: string; readonly script: string } {
  const folder = join(ROOT, "examples", example);
  const { scriptFile, ...event } = JSON.parse(readFileSync(join(folder, "event.json"), "utf8")) as {
    name: string;
    scriptFile: string;
  };
  return { ...event, script: readFileSync(join(folder, scriptFile), "utf8") };
}
