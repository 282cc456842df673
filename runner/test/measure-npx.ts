/** Measures how long `npx <tarball>` takes until the runner is online; `node runner/test/measure-npx.ts [times]`. */
import { startByNpx } from "./npx-runner.ts";

const times = Number(process.argv[2] ?? 5);
const measured: number[] = [];
for (let count = 0; count < times; count += 1) {
  const { onlineMs } = await startByNpx();
  measured.push(Math.round(onlineMs));
}
const sorted = measured.toSorted((a, b) => a - b);
process.stdout.write(
  `${JSON.stringify({ unit: "ms", goal: 5_000, median: sorted[Math.floor(times / 2)], all: measured })}\n`,
);
