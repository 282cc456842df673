/**
 * `neighbours`: one workspace floods the installation with triggers, far beyond its quota; another one's runs must reach
 * their runner as before. Idle and flooded take turns on the same installation.
 */
import { connectBenchRunner } from "../bench-runner.ts";
import { noGateBroken, type Benchmark } from "../benchmark.ts";
import { startFlood } from "../flood-thread.ts";
import { addWorkspace, startPlane } from "../plane.ts";
import { meetsGoal } from "../report.ts";
import { figuresOf, median } from "../samples.ts";
import { within } from "../wait.ts";

const PER_ROUND = 300;
const CLIENTS = 16;
const SLOTS = 200;
/** What the flooding workspace may trigger: ten a second, as on an installation that many share. */
const TRIGGERS_PER_MINUTE = 600;
const SCRIPT = { kind: "script", runtime: "bash", script: "true" };

export const neighbours: Benchmark = async ({ rounds, progress }) => {
  const plane = await startPlane({ runner: false });
  try {
    const loud = await addWorkspace(plane, "Loud");
    await loud.call("PATCH", "/settings", { triggersPerMinute: TRIGGERS_PER_MINUTE });
    const flooded = await loud.call("POST", "/events", { name: "flood", ...SCRIPT, labels: { nobody: "has" } });
    const event = await plane.call("POST", "/events", { name: "quiet", ...SCRIPT });
    const runner = await connectBenchRunner(plane, SLOTS);
    const once = async (): Promise<number> => {
      const begin = performance.now();
      const { runId } = await plane.call("POST", `/events/${event.id}/runs`, { input: null });
      return (await within("a quiet run to reach its runner", 60_000, runner.jobArrival(runId))) - begin;
    };
    const [idle, busy]: [number[], number[]] = [[], []];
    const ratios: number[] = [];
    const answers: Record<string, number> = {};
    let floodedMs = 0;
    for (let round = 0; round <= rounds; round += 1) {
      const alone = await samples(once);
      const begin = performance.now();
      const flood = startFlood({
        url: plane.url,
        headers: { authorization: `Bearer ${loud.apiKey}` },
        path: `/api/v1/events/${flooded.id}/runs`,
        clients: CLIENTS,
      });
      const beside = await samples(once);
      const counts = await flood.stop();
      // The first warms both up.
      if (round > 0) {
        progress(`neighbours round ${round} of ${rounds}`);
        floodedMs += performance.now() - begin;
        idle.push(...alone);
        busy.push(...beside);
        ratios.push(figuresOf(beside).p99 / figuresOf(alone).p99);
        for (const [status, count] of Object.entries(counts)) {
          answers[status] = (answers[status] ?? 0) + count;
        }
      }
    }
    const sent = Object.values(answers).reduce((sum, count) => sum + count, 0);
    runner.close();
    const ratio = median(ratios);
    const repeated = [...runner.offered.values()].filter((times) => times > 1).length;
    return {
      cases: [
        {
          case: "enqueue → runner holds the job, p99, beside a flood",
          unit: "ms",
          ours: figuresOf(busy),
          reference: { name: "the same without the flood", version: "", ...figuresOf(idle) },
          ratio,
          goal: "<= 2",
          pass: meetsGoal(ratio, "<= 2"),
        },
      ],
      gates: { ...noGateBroken, duplicated: repeated },
      notes: [
        `${CLIENTS} clients of another workspace, in a thread of their own, sent ${(sent / (floodedMs / 1_000)).toFixed(0)} triggers a second, of which ${(((answers["429"] ?? 0) / sent) * 100).toFixed(1)} % were refused with 429: its quota is ${TRIGGERS_PER_MINUTE} a minute.`,
        `${PER_ROUND} single runs of each kind per round, in turns on one installation, whose workspaces share one thread; the ratio is that of the 99th percentiles.`,
      ],
    };
  } finally {
    await plane.stop();
  }
};

async function samples(once: () => Promise<number>): Promise<number[]> {
  const found: number[] = [];
  for (let i = 0; i < PER_ROUND; i += 1) {
    found.push(await once());
  }
  return found;
}
