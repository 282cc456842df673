/**
 * The runtime API from a real container through sidecar, runner and control plane and back, over a `kill -9` of the
 * sidecar; and what that sidecar, which faces the job's code, could do if it were taken over.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { isTerminal, type RunState } from "@cronium/protocol";
import { expect, test } from "vitest";
import { startPlane } from "./plane.ts";
import { startRunner } from "./runner-process.ts";
import { eventually } from "./wait.ts";

const SCRIPT = `set -eu
api() { curl --silent --show-error --max-time 60 --unix-socket /run/cronium/api.sock -H "Authorization: Bearer $CRONIUM_TOKEN" "$@"; }
of="http://cronium/v1/executions/$CRONIUM_RUN_ID"
health() { curl --silent --max-time 2 --unix-socket /run/cronium/api.sock http://cronium/health >/dev/null; }
echo "set $(api -X PUT -d '{"value":{"n":1},"ifVersion":0}' -H 'Content-Type: application/json' -H 'Idempotency-Key: first' "$of/variables/COUNT")"
echo "get $(api "$of/variables/COUNT") $(api "$of/variables/REGION?format=text")"
echo "lock $(api -X POST -d '{}' -H 'Content-Type: application/json' "$of/locks/db/x" | grep -c lockId)"
echo "name $(api -o /dev/null -w '%{http_code}' -X POST -d '{"name":"Import 7"}' -H 'Content-Type: application/json' "$of/name")"
echo "condition $(api -o /dev/null -w '%{http_code}' -X POST -d '{"value":true}' -H 'Content-Type: application/json' "$of/condition")"
echo "progress $(api -o /dev/null -w '%{http_code}' -X POST -d '{"fraction":0.5,"message":"half"}' -H 'Content-Type: application/json' "$of/progress")"
echo "action $(api -X POST -d '{"params":[1]}' -H 'Content-Type: application/json' "$of/tool-actions/echo")"
head -c 3000000 /dev/zero > /tmp/big
echo "artifact $(api -X POST --data-binary @/tmp/big -H 'Content-Type: application/octet-stream' "$of/artifacts?name=out/big.bin" | grep -c sha256)"
echo "piped $(printf 'a,b' | api -X POST -T - -H 'Content-Type: text/csv' "$of/artifacts?name=out/small.csv" | grep -c sha256)"
echo "back $(api "$of/artifacts/out/small.csv") $(api "$of/artifacts/out/big.bin" | wc -c)"
echo ready
while health; do sleep 0.05; done
until health; do sleep 0.05; done
echo "again $(api -X PUT -d '{"value":{"n":1},"ifVersion":0}' -H 'Content-Type: application/json' -H 'Idempotency-Key: first' "$of/variables/COUNT")"
echo "after $(api -X PUT -d '{"value":2,"ifVersion":1}' -H 'Content-Type: application/json' "$of/variables/COUNT") $(api "$of/variables/COUNT")"
sleep 1
`;

test("T2 F32 a job uses every part of the runtime API, also when the sidecar is killed under it", async () => {
  const plane = await startPlane();
  const runner = await startRunner(plane, { executor: "docker" });
  try {
    await plane.call("POST", "/variables", { name: "REGION", value: "eu" });
    const accepted = await plane.call("POST", "/runs", { runtime: "bash", script: SCRIPT, name: "Uses the API" });
    const runId = accepted.body.runId as string;
    const logHas = (text: string) =>
      eventually(`the log to hold ${text}`, 120_000, async () => {
        const log = (await plane.logOf(runId)).toString();
        const { body } = await plane.call("GET", `/runs/${runId}`);
        if (isTerminal(body.state as RunState) && !log.includes(text)) {
          throw new Error(`it ended: ${JSON.stringify(body)}\n${log}`);
        }
        return log.includes(text);
      });
    await logHas("ready\n");
    const during = (await plane.call("GET", `/runs/${runId}`)).body;
    expect(during).toMatchObject({
      name: "Import 7",
      condition: true,
      progress: { fraction: 0.5, message: "half" },
      artifacts: [
        { number: 1, name: "out/big.bin", bytes: 3_000_000 },
        { number: 2, name: "out/small.csv", contentType: "text/csv" },
      ],
    });
    expect(runner.killSidecar()).toBe(1);
    const run = await eventually("the run to end", 120_000, async () => {
      const { body } = await plane.call("GET", `/runs/${runId}`);
      return isTerminal(body.state as RunState) ? body : null;
    });
    const log = (await plane.logOf(runId)).toString();
    expect(run, log).toMatchObject({ state: "succeeded", attempt: 1 });
    for (const line of [
      'set {"version":1}',
      'get {"n":1} eu',
      "lock 1",
      "name 204",
      "condition 204",
      "progress 204",
      'action {"result":[1]}',
      "artifact 1",
      "piped 1",
      "back a,b 3000000",
      'again {"version":1}',
      'after {"version":2} 2',
    ]) {
      expect(log).toContain(`${line}\n`);
    }
    expect(log).not.toContain('"code"');
    const download = await fetch(`${plane.url}/api/v1/runs/${runId}/artifacts/1`, {
      headers: { authorization: plane.authorization },
    });
    const bytes = Buffer.from(await download.arrayBuffer());
    expect(createHash("sha256").update(bytes).digest("hex")).toBe(during.artifacts[0].sha256);
    const { body } = await plane.call("GET", "/variables");
    expect(body.items.find(({ name }: { name: string }) => name === "COUNT")).toMatchObject({ value: 2, version: 2 });
  } finally {
    await runner.stop();
    await plane.stop();
  }
});

test("T2 the sidecar runs with no rights, no environment, and nothing of the runner open", async () => {
  const plane = await startPlane();
  const runner = await startRunner(plane, { executor: "docker", env: { CRONIUM_SECRET_OF_THE_SHELL: "s3cr3t" } });
  try {
    const sidecar = Number(/sidecar\.ready.*?pid[":= ]+(\d+)/.exec(runner.output())?.[1]);
    expect(sidecar, runner.output()).toBeGreaterThan(0);
    const read = (name: string): string => readFileSync(`/proc/${sidecar}/${name}`, "utf8");
    expect(read("environ")).not.toMatch(/CRONIUM|s3cr3t|TOKEN/);
    const open = readdirSync(`/proc/${sidecar}/fd`).map((fd) => readlinkSync(`/proc/${sidecar}/fd/${fd}`));
    expect(open.filter((path) => /docker|identity|credential|journal|\.key$/.test(path))).toEqual([]);
    if (process.getuid?.() === 0) {
      // Started as root it has given that up: its groups and its rights with it, so docker.sock and the key are closed to it.
      const status = read("status");
      expect(/^Uid:\s+(\d+)\s+(\d+)\s+(\d+)/m.exec(status)?.slice(1)).toEqual(["10002", "10002", "10002"]);
      expect(/^Groups:\s+(.*?)\s*$/m.exec(status)?.[1]).toBe("10002");
      const opens = (path: string): boolean =>
        spawnSync(process.execPath, ["-e", "fs.openSync(process.argv[1], 'r')", path], {
          cwd: "/",
          uid: 10_002,
          gid: 10_002,
        }).status === 0;
      expect([
        opens("/proc/self/status"),
        opens("/var/run/docker.sock"),
        opens(join(runner.dataDir, "execution.key")),
      ]).toEqual([true, false, false]);
      expect(/^CapEff:\s+([0-9a-f]+)$/m.exec(status)?.[1]).toBe("0000000000000000");
    }
  } finally {
    await runner.stop();
    await plane.stop();
  }
});
