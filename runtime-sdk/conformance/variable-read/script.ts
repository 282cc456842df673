import { CroniumError, getVariable } from "@cronium/sdk";

if (process.env["ONLY_DEFAULT"] !== undefined) {
  await getVariable("ABSENT", "fallback");
}
const values = [await getVariable("REGION"), await getVariable("LIMITS"), await getVariable("ABSENT", "fallback")];
try {
  await getVariable("MISSING");
} catch (error) {
  console.log(JSON.stringify([...values, error instanceof CroniumError ? error.code : null]));
}
