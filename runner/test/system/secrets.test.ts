/**
 * One whole run with a secret, over a `kill -9` of the runner: the script reads it and prints it, and afterwards nothing
 * that control plane or runner keep, say or show holds it in clear, its log included.
 */
import { createHash, randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isTerminal, type RunState } from "@cronium/protocol";
import Docker from "dockerode";
import { expect, test } from "vitest";
import { containersOf } from "./leftovers.ts";
import { startPlane } from "./plane.ts";
import { startRunner } from "./runner-process.ts";
import { eventually } from "./wait.ts";

const SCRIPT = `set -e
sha() { sha256sum | cut -d' ' -f1; }
echo "socket $(cronium_secret TOKEN | tr -d '\\n' | sha)"
echo "env $(printf %s "$SHOWN" | sha)"
echo "variable $(cronium_get_variable REGION)"
health() { curl --silent --max-time 2 --unix-socket /run/cronium/api.sock http://cronium/health >/dev/null; }
echo "shown $(cronium_secret TOKEN) $SHOWN $CRONIUM_TOKEN"
renewed=$(curl --silent --unix-socket /run/cronium/api.sock -X POST -H "Authorization: Bearer $CRONIUM_TOKEN" \\
  "http://cronium/v1/executions/$CRONIUM_RUN_ID/token" | jq -r .token)
echo "renewed \${#renewed} $renewed"
printf '%s' "cut $(cronium_secret TOKEN | head -c 20)"
sleep 0.2
cronium_secret TOKEN | tail -c +21
echo " $(cronium_secret TOKEN | base64)"
echo ready
while health; do sleep 0.05; done
until health; do sleep 0.05; done
cronium_secret TOKEN
echo
echo "again $(cronium_secret TOKEN | tr -d '\\n' | sha)"
cronium_secret OTHER || echo "no other"
`;

const sha = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Every file below a folder. */
function filesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** The forms in which a careless program would leave a value behind. */
function formsOf(value: string): Buffer[] {
  const texts = [value, Buffer.from(value).toString("base64").replace(/=+$/, ""), Buffer.from(value).toString("hex")];
  const shifted = [1, 2].map((at) => Buffer.from(value).subarray(at).toString("base64").slice(0, 24));
  return [...texts, ...shifted].map((text) => Buffer.from(text));
}

test("no secret is in any log, file, database, answer or container in clear, and the script reads it over a kill", async () => {
  const [token, shown] = [randomBytes(24).toString("hex"), `multi\nline ${randomBytes(24).toString("hex")}`];
  const plane = await startPlane();
  const runner = await startRunner(plane, { executor: "docker" });
  const answers: string[] = [];
  const call = async (method: string, path: string, body?: unknown) => {
    const answer = await plane.call(method, path, body);
    answers.push(JSON.stringify(answer.body));
    return answer;
  };
  try {
    expect((await call("POST", "/secrets", { name: "TOKEN", value: token })).status).toBe(201);
    const env = `SHOWN="${shown.replace("\n", String.raw`\n`)}"\n`;
    expect((await call("POST", "/secrets/import", { text: env })).status).toBe(200);
    await call("POST", "/secrets", { name: "OTHER", value: randomBytes(24).toString("hex") });
    await call("POST", "/variables", { name: "REGION", value: "eu-central" });
    const event = await call("POST", "/events", {
      name: "Reads secrets",
      runtime: "bash",
      script: SCRIPT,
      secrets: ["TOKEN", "SHOWN"],
      secretEnv: ["SHOWN"],
    });
    expect(event.status, JSON.stringify(event.body)).toBe(201);
    const accepted = await call("POST", `/events/${event.body.id}/runs`, {});
    const runId = accepted.body.runId as string;
    const logHas = (text: string) =>
      eventually(`the log to hold ${text}`, 120_000, async () => (await plane.logOf(runId)).includes(text));
    await logHas("ready\n");
    const [container = ""] = await containersOf(runId);
    const inspected = JSON.stringify(await new Docker().getContainer(container).inspect());
    const duringRun = filesIn(runner.dataDir).map((path) => readFileSync(path));
    await runner.kill();
    await runner.restart();
    await logHas("no other\n");
    const run = await eventually(`run ${runId} to end`, 120_000, async () => {
      const { body } = await call("GET", `/runs/${runId}`);
      return isTerminal(body.state as RunState) ? body : null;
    });
    expect(run, JSON.stringify(run)).toMatchObject({ state: "succeeded", attempt: 1 });
    const log = (await plane.logOf(runId)).toString();
    for (const line of [
      `socket ${sha(token)}`,
      `env ${sha(shown)}`,
      "shown *** *** ***",
      "cut ***",
      " ***",
      "variable eu-central",
      `again ${sha(token)}`,
      "no other",
    ]) {
      expect(log).toContain(`${line}\n`);
    }
    expect(log).toMatch(/^renewed [23]\d\d \*\*\*$/m);
    // Acts and refusals about values leave their marks too: in audit rows, problems and exports.
    const { items } = (await call("GET", "/secrets")).body as { items: { id: string; name: string }[] };
    const idOf = (name: string): string => items.find((one) => one.name === name)?.id ?? "none";
    expect((await call("PUT", `/secrets/${idOf("TOKEN")}`, { value: `${token}again` })).status).toBe(200);
    expect((await call("PUT", `/secrets/${idOf("TOKEN")}`, { value: token, version: 1 })).status).toBe(412);
    expect((await call("POST", "/secrets", { name: "PATH", value: token })).status).toBe(422);
    expect((await call("POST", "/secrets", { name: "NUL", value: `${token}\0` })).status).toBe(422);
    expect((await call("POST", "/secrets/import", { text: `lower=${token}\n` })).status).toBe(422);
    expect((await call("DELETE", `/secrets/${idOf("OTHER")}?force=true`)).status).toBe(204);
    for (const path of ["/audit/export", "/workspace/export"]) {
      const exported = await fetch(`${plane.url}/api/v1${path}`, { headers: { authorization: plane.authorization } });
      const text = await exported.text();
      expect(text, path).toContain("secret.deleted");
      answers.push(text);
    }
    for (const path of ["/secrets", "/variables", "/runs", "/events", "/runners", "/audit", "/openapi.json"]) {
      await call("GET", path);
    }
    const metrics = await fetch(`${plane.url}/metrics`, { headers: { authorization: plane.authorization } });
    const places: [string, Buffer][] = [
      ...filesIn(plane.dataDir).map((path): [string, Buffer] => [path, readFileSync(path)]),
      ...filesIn(runner.dataDir).map((path): [string, Buffer] => [path, readFileSync(path)]),
      ...duringRun.map((bytes): [string, Buffer] => ["the runner's folder while the job ran", bytes]),
      ["docker inspect", Buffer.from(inspected)],
      ["what the runner printed", Buffer.from(runner.output())],
      ["answers of the API", Buffer.from(answers.join("\n"))],
      ["metrics", Buffer.from(await metrics.text())],
      ["the log of the run", Buffer.from(log)],
    ];
    // The search finds what is there: the names, and the value of a variable.
    const holding = (needle: Buffer) => places.filter(([, bytes]) => bytes.includes(needle)).map(([place]) => place);
    expect(holding(Buffer.from("SHOWN")).length).toBeGreaterThan(2);
    expect(holding(Buffer.from("eu-central")).length).toBeGreaterThan(2);
    for (const form of [...formsOf(token), ...formsOf(shown), ...formsOf(shown.split(" ")[1] ?? "none")]) {
      expect(holding(form), form.toString().slice(0, 6)).toEqual([]);
    }
  } finally {
    await runner.stop();
    await plane.stop();
  }
});
