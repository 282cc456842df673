/** How a slow step tells the person in front of the terminal that it is alive. */
export type Report = (line: string) => void;

const STILL_BUSY_EVERY_MS = 10_000;

/** Writes progress to stderr, so that stdout holds results alone. */
export const reportToTerminal: Report = (line) => {
  process.stderr.write(`${line}\n`);
};

/**
 * Runs a slow step between two lines that name it, with the time it took in the second.
 * A step of more than ten seconds says so every ten seconds.
 */
export async function withProgress<T>(report: Report, title: string, step: () => Promise<T>): Promise<T> {
  const begin = performance.now();
  report(`${title} …`);
  const busy = setInterval(() => {
    report(`${title} … still busy (${formatMs(performance.now() - begin)})`);
  }, STILL_BUSY_EVERY_MS);
  try {
    return await step();
  } finally {
    clearInterval(busy);
    report(`${title}: ${formatMs(performance.now() - begin)}`);
  }
}

/** Writes a duration as people read it: `87 ms`, `3.4 s`, `2 min 5 s`. */
export function formatMs(ms: number): string {
  if (ms < 1000) {
    return `${Math.round(ms)} ms`;
  }
  if (ms < 60_000) {
    return `${(ms / 1000).toFixed(1)} s`;
  }
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
