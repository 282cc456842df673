/** `warm-tti`: API trigger → first line at a watching client, in containers that were started before. */
import { noGateBroken, type Benchmark } from "../benchmark.ts";
import { imageOf } from "../images.ts";
import { startOwnRunner } from "../own-runner.ts";
import { startPlane } from "../plane.ts";
import { startParked } from "../reference/parked.ts";
import { meetsGoal, type Case } from "../report.ts";
import { figuresOf, median } from "../samples.ts";
import { triggerToFirstLine } from "../trigger.ts";

const PER_ROUND = 20;
const COLD_PER_ROUND = 5;
const SCRIPT = "echo hi";

export const warmTti: Benchmark = async ({ rounds, progress }) => {
  const image = imageOf("bash");
  const plane = await startPlane({ runner: false });
  const parked = await startParked();
  try {
    const event = await plane.call("POST", "/events", {
      name: "warm-tti",
      kind: "script",
      runtime: "bash",
      script: SCRIPT,
    });
    const ours: number[] = [];
    const floor: number[] = [];
    const starts: number[] = [];
    const ratios = { p50: [] as number[], p99: [] as number[], cold: [] as number[] };
    let lost = 0;
    const sample = async (count: number, before: () => Promise<void>): Promise<number[]> => {
      const values: number[] = [];
      for (let i = 0; i < count; i += 1) {
        await before();
        const ms = await triggerToFirstLine(plane, event.id);
        lost += ms === null ? 1 : 0;
        values.push(...(ms === null ? [] : [ms]));
      }
      return values;
    };
    for (let round = 1; round <= rounds; round += 1) {
      progress(`warm-tti round ${round} of ${rounds}`);
      const warm = await startOwnRunner(plane, { capacity: 2, warm: 2 });
      const mine: number[] = [];
      const theirs: number[] = [];
      try {
        await triggerToFirstLine(plane, event.id);
        for (let i = 0; i < PER_ROUND; i += 1) {
          mine.push(...(await sample(1, () => warm.waiting(1))));
          await parked.park(image);
          theirs.push(await parked.once(SCRIPT));
        }
      } finally {
        await warm.stop();
      }
      const cold = await startOwnRunner(plane, { capacity: 2, warm: 0 });
      try {
        await triggerToFirstLine(plane, event.id);
        const slow = await sample(COLD_PER_ROUND, async () => {});
        starts.push(...slow);
        ratios.cold.push(median(mine) / median(slow));
      } finally {
        await cold.stop();
      }
      ratios.p50.push(figuresOf(mine).p50 / figuresOf(theirs).p50);
      ratios.p99.push(figuresOf(mine).p99 / figuresOf(theirs).p99);
      ours.push(...mine);
      floor.push(...theirs);
    }
    const entry = (
      what: string,
      reference: Case["reference"],
      values: readonly number[],
      goal: Case["goal"],
    ): Case => ({
      case: what,
      unit: "ms",
      ours: figuresOf(ours),
      reference,
      ratio: median(values),
      goal,
      pass: meetsGoal(median(values), goal),
    });
    const name = "parked stdin + object echo x2 + D1 write";
    const reference = { name, version: parked.version, ...figuresOf(floor) };
    return {
      cases: [
        entry("trigger → first line at a viewer, p50", reference, ratios.p50, "<= 5"),
        entry("trigger → first line at a viewer, p99", reference, ratios.p99, "<= 20"),
        entry(
          "beside a cold start",
          { name: "the same with --warm 0", version: "", ...figuresOf(starts) },
          ratios.cold,
          "<= 0.1",
        ),
      ],
      gates: { ...noGateBroken, lost },
      notes: [
        `${PER_ROUND} warm and ${COLD_PER_ROUND} cold starts per round, one at a time, each once a container waits; image ${image}.`,
        "The viewer's socket is opened when the trigger has been answered, and that is part of the time. gitlab-ci-local is left out: it is not in the registries this project uses.",
      ],
    };
  } finally {
    await parked.stop();
    await plane.stop();
  }
};
