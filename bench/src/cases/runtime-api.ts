/** `runtime-api`: many containers read and write variables at once, beside an HTTP echo behind the same mount. */
import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { noGateBroken, type Benchmark } from "../benchmark.ts";
import { imageOf } from "../images.ts";
import { startOwnRunner } from "../own-runner.ts";
import { startPlane } from "../plane.ts";
import { meetsGoal, type Case } from "../report.ts";
import { figuresOf, median } from "../samples.ts";
import { waitUntil } from "../wait.ts";

/** As many as the machine holds: every one is a Node process of its own. */
const CONTAINERS = Number(process.env["BENCH_CONTAINERS"] ?? "100");
const CALLS = 50;
const SLEEP_MS = 1_000;
const ENDED = new Set(["succeeded", "failed", "timed_out", "cancelled", "expired", "skipped"]);

/** A read, then every fifth time a write; it hands over each call's time, and the time of all of it. */
const CLIENT = `
import { Agent, request } from "node:http";
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const id = process.env.CRONIUM_RUN_ID ?? "run";
const call = (method, path, body) => new Promise((resolve, reject) => {
  const headers = { authorization: "Bearer " + (process.env.CRONIUM_TOKEN ?? ""), ...(body ? { "content-type": "application/json" } : {}) };
  const outgoing = request({ socketPath: "/run/cronium/api.sock", method, path: "/v1/executions/" + id + path, headers, agent }, (response) => {
    response.resume();
    response.on("end", () => (response.statusCode < 300 ? resolve() : reject(new Error(method + " " + response.statusCode))));
  });
  outgoing.on("error", reject);
  outgoing.end(body);
});
const name = "/variables/V" + Math.abs([...id].reduce((sum, char) => (sum * 31 + char.charCodeAt(0)) | 0, 7)) ;
await call("PUT", name, '{"value":0}');
const times = [];
const begin = performance.now();
for (let i = 0; i < ${CALLS}; i += 1) {
  const at = performance.now();
  await (i % 5 === 4 ? call("PUT", name, '{"value":' + i + '}') : call("GET", name));
  times.push(performance.now() - at);
}
await new Promise((resolve) => setTimeout(resolve, ${SLEEP_MS}));
const result = { times, allMs: performance.now() - begin };
agent.destroy();
`;

const run = promisify(execFile);

interface Measured {
  readonly times: readonly number[];
  readonly allMs: number;
}

export const runtimeApi: Benchmark = async ({ rounds, progress }) => {
  const image = imageOf("node");
  const plane = await startPlane({ runner: false });
  const runner = await startOwnRunner(plane, { capacity: CONTAINERS, warm: 0 });
  try {
    const script = `import { output } from "@cronium/sdk";\n${CLIENT}\nawait output(result);\n`;
    const event = await plane.call("POST", "/events", {
      name: "runtime-api",
      runtime: "node",
      script,
      memoryMb: 64,
    });
    const [ours, theirs]: [number[], number[]] = [[], []];
    const ratios = { p50: [] as number[], p99: [] as number[], efficiency: [] as number[] };
    let lost = 0;
    for (let round = 1; round <= rounds; round += 1) {
      progress(`runtime-api round ${round} of ${rounds}`);
      const echoed = await besideEcho(image);
      const runIds = await Promise.all(
        Array.from({ length: CONTAINERS }, async () => {
          const { runId } = await plane.call("POST", `/events/${event.id}/runs`, { input: null });
          return runId as string;
        }),
      );
      const measured: Measured[] = [];
      for (const runId of runIds) {
        let state = "queued";
        await waitUntil(`run ${runId} to end`, 300_000, async () => {
          ({ state } = await plane.call("GET", `/runs/${runId}`));
          return ENDED.has(state);
        });
        const { output } = await plane.call("GET", `/runs/${runId}`);
        if (state === "succeeded") {
          measured.push(output as Measured);
        } else {
          lost += 1;
        }
      }
      const times = measured.flatMap((one) => one.times);
      const floor = echoed.flatMap((one) => one.times);
      ratios.p50.push(figuresOf(times).p50 / figuresOf(floor).p50);
      ratios.p99.push(figuresOf(times).p99 / figuresOf(floor).p99);
      ratios.efficiency.push(median(echoed.map((one) => one.allMs)) / median(measured.map((one) => one.allMs)));
      ours.push(...times);
      theirs.push(...floor);
    }
    const reference = { name: "node:http echo, same socket mount", version: process.version, ...figuresOf(theirs) };
    const entry = (what: string, values: readonly number[], goal: Case["goal"]): Case => ({
      case: what,
      unit: "ms",
      ours: figuresOf(ours),
      reference,
      ratio: median(values),
      goal,
      pass: meetsGoal(median(values), goal),
    });
    return {
      cases: [
        entry("one call, p50", ratios.p50, "<= 2.5"),
        entry("one call, p99", ratios.p99, "<= 5"),
        entry("efficiency: reference's time ÷ ours, calls and 1 s of sleep", ratios.efficiency, ">= 0.97"),
      ],
      gates: { ...noGateBroken, lost },
      notes: [`${CONTAINERS} containers at once, ${CALLS} calls each: 40 reads and 10 durable writes; image ${image}.`],
    };
  } finally {
    await runner.stop();
    await plane.stop();
  }
};

/** The same client in as many containers, talking to an echo in a process of the host. */
async function besideEcho(image: string): Promise<Measured[]> {
  const folder = mkdtempSync(join(tmpdir(), "cronium-bench-echo-"));
  chmodSync(folder, 0o755);
  const socket = join(folder, "api.sock");
  const server = createServer((request, response) => {
    request.resume();
    request.on("end", () => response.end("0"));
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  chmodSync(socket, 0o666);
  try {
    const source = `${CLIENT}\nconsole.log(JSON.stringify(result));`;
    return await Promise.all(
      Array.from({ length: CONTAINERS }, async () => {
        const { stdout } = await run("docker", [
          ...["run", "--rm", "--network", "none", "--memory", "64m", "--volume", `${folder}:/run/cronium:ro`],
          ...["--entrypoint", "node", image, "--input-type=module", "-e", source],
        ]);
        return JSON.parse(stdout) as Measured;
      }),
    );
  } finally {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
