import { CroniumError, setVariable } from "@cronium/sdk";

async function code(name: string, value: unknown): Promise<unknown> {
  return setVariable(name, value).catch((error: unknown) => (error instanceof CroniumError ? error.code : error));
}

console.log(
  JSON.stringify([
    await code("A", "x".repeat(65_536)),
    await code("A", "x".repeat(10_000_000)),
    await code("NO-NAME", 1),
  ]),
);
