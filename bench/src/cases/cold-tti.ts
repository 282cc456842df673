/** `cold-tti`: API trigger → fresh container with the runtime API → first log line at a watching client; no pool. */
import { docker, createToFirstByte, dockerRunToFirstByte } from "../reference/docker.ts";
import { imageOf } from "../images.ts";
import { startOwnRunner } from "../own-runner.ts";
import { startPlane } from "../plane.ts";
import { triggerToFirstLine } from "../trigger.ts";
import { median, figuresOf } from "../samples.ts";
import { meetsGoal, type Case } from "../report.ts";
import { noGateBroken, type Benchmark } from "../benchmark.ts";

const PER_ROUND = 5;
const COMMAND = ["bash", "-c", "echo hi"];

export const coldTti: Benchmark = async ({ rounds, progress }) => {
  const image = imageOf("bash");
  const version = (await docker.version()).Version;
  const plane = await startPlane({ runner: false });
  const runner = await startOwnRunner(plane, { capacity: 2, warm: 0 });
  try {
    const event = await plane.call("POST", "/events", {
      name: "cold-tti",
      kind: "script",
      runtime: "bash",
      script: "echo hi",
    });
    const ours: number[] = [];
    const bare: number[] = [];
    const cli: number[] = [];
    const toBare: number[] = [];
    const toCli: number[] = [];
    let lost = 0;
    await triggerToFirstLine(plane, event.id);
    await createToFirstByte(image, COMMAND);
    for (let round = 1; round <= rounds; round += 1) {
      progress(`cold-tti round ${round} of ${rounds}`);
      const mine: number[] = [];
      const theirs: number[] = [];
      const typed: number[] = [];
      for (let i = 0; i < PER_ROUND; i += 1) {
        const first = await triggerToFirstLine(plane, event.id);
        if (first === null) {
          lost += 1;
        } else {
          mine.push(first);
        }
        theirs.push(await createToFirstByte(image, COMMAND));
        typed.push(await dockerRunToFirstByte(image, COMMAND));
      }
      toBare.push(median(mine) / median(theirs));
      toCli.push(median(mine) / median(typed));
      ours.push(...mine);
      bare.push(...theirs);
      cli.push(...typed);
    }
    const entry = (
      name: string,
      reference: string,
      values: readonly number[],
      ratios: readonly number[],
      goal: Case["goal"],
    ): Case => ({
      case: name,
      unit: "ms",
      ours: figuresOf(ours),
      reference: { name: reference, version, ...figuresOf(values) },
      ratio: median(ratios),
      goal,
      pass: meetsGoal(median(ratios), goal),
    });
    return {
      cases: [
        entry("trigger → first line at a viewer", "bare dockerode create → first byte", bare, toBare, "<= 1.25"),
        entry("trigger → first line at a viewer", "docker run --rm, bridge", cli, toCli, "<= 0.8"),
      ],
      gates: { ...noGateBroken, lost },
      notes: [`${PER_ROUND} starts of each kind per round, one at a time, interleaved; image ${image}.`],
    };
  } finally {
    await runner.stop();
    await plane.stop();
  }
};
