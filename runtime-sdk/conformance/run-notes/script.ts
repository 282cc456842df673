import { CroniumError, progress, setCondition, setRunName } from "@cronium/sdk";

async function code(call: Promise<unknown>): Promise<unknown> {
  return call.catch((error: unknown) => (error instanceof CroniumError ? error.code : error));
}

await setCondition(true);
await setCondition(false);
await progress(null, "starting");
await progress(0.75, 'copying "a"');
await setRunName("first");
await setRunName("Größe 7");
console.log(JSON.stringify([await code(progress(1.5)), await code(setRunName(""))]));
