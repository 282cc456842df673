/** `cronium queues` and `cronium stats`: what waits, what runs, and what the last day brought. */
import { PauseQueue, Queue, QueuePage } from "@cronium/protocol/api/queues";
import { Stats } from "@cronium/protocol/api/stats";
import { ExitError } from "../base/exit-error.ts";
import type { Input } from "../base/input.ts";
import { printFacts, printTable } from "../output/table.ts";
import { ago, span } from "../output/words.ts";
import type { Cli } from "./context.ts";
import { segment } from "./runs.ts";

export async function listQueues(cli: Cli): Promise<void> {
  const api = await cli.connect();
  const page = await api.json("GET", "/queues", QueuePage);
  if (cli.out.json) {
    cli.out.value(page);
    return;
  }
  printQueues(cli, page.items);
}

export async function pauseQueue(cli: Cli, input: Input): Promise<void> {
  const body = { note: input.text("note") ?? "" };
  const parsed = PauseQueue.safeParse(body);
  if (!parsed.success) {
    throw new ExitError(
      "usage",
      `--note ${parsed.error.issues[0]?.message ?? "is not valid"}.`,
      "Give a shorter note.",
    );
  }
  await changeQueue(cli, `/queues/${segment(input.arg(0))}/pause`, body);
}

export async function resumeQueue(cli: Cli, input: Input): Promise<void> {
  await changeQueue(cli, `/queues/${segment(input.arg(0))}/resume`, undefined);
}

async function changeQueue(cli: Cli, path: string, body: unknown): Promise<void> {
  const api = await cli.connect();
  const queue = await api.json("POST", path, Queue, { body });
  if (cli.out.json) {
    cli.out.value(queue);
  } else {
    printQueues(cli, [queue]);
  }
}

function printQueues(cli: Cli, queues: readonly Queue[]): void {
  const now = cli.now();
  printTable(
    cli.out,
    ["QUEUE", "WAIT", "RUN", "OLDEST", "PAUSED"],
    queues.map((queue) => [
      queue.name,
      String(queue.depth),
      String(queue.running),
      ago(queue.oldestQueuedAt, now),
      queue.paused === null
        ? "-"
        : { text: `${ago(queue.paused.at, now)} ${queue.paused.note}`.trim(), style: "yellow" },
    ]),
  );
}

export async function stats(cli: Cli): Promise<void> {
  const api = await cli.connect();
  const numbers = await api.json("GET", "/stats", Stats);
  if (cli.out.json) {
    cli.out.value(numbers);
    return;
  }
  const day = (pick: (hour: Stats["hours"][number]) => number): string =>
    String(numbers.hours.reduce((sum, hour) => sum + pick(hour), 0));
  printFacts(cli.out, [
    ...Object.entries(numbers.now).map(([state, count]) => [state, String(count)] as const),
    ["oldest wait", numbers.oldestWaitMs === null ? "-" : span(numbers.oldestWaitMs)],
    ["runners", `${numbers.runners.connected} of ${numbers.runners.registered} connected`],
    ["triggered, 24 h", day((hour) => hour.triggered)],
    ["succeeded, 24 h", day((hour) => hour.succeeded)],
    ["failed, 24 h", day((hour) => hour.failed + hour.timedOut)],
    ["cancelled, 24 h", day((hour) => hour.cancelled)],
    ["never started, 24 h", day((hour) => hour.expired + hour.skipped)],
  ]);
}
